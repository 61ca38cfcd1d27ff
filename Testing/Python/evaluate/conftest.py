"""A session that answers clicks as the contract says, on a CT that is nothing but a place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from vistaseg.errors import InputError
from vistaseg.geometry.box import VoxelBox
from vistaseg.masks.boxed import BoxedMask
from vistaseg.prompts import Point, Prompt, RegionOfInterest
from vistaseg.segmentation import Segment, Segmentation
from vistaseg.volume import Volume

RADIUS_MM = 12.0
Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Answer:
    mask: BoxedMask
    changed: VoxelBox | None = None
    note: str = ""


@dataclass
class PaintingSession:
    """A click paints a ball, or erases one; a box fills itself.

    Its automatic answer is `automatic`, class id -> mask; it refuses clicks where R is above `refused_from_r`.
    """

    volume: Volume
    automatic: dict[int, np.ndarray] = field(default_factory=dict)
    refused_from_r: float = np.inf
    started: dict[str, int | None] = field(default_factory=dict)
    asked: list[Prompt] = field(default_factory=list)
    masks: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def model(self) -> Any:
        return SimpleNamespace(class_ids=tuple(self.automatic))

    def start(self, segment: str, class_id: int | None = None) -> None:
        self.started[segment] = class_id
        self.masks[segment] = np.zeros(self.volume.array.shape, bool)

    def set_mask(self, segment: str, mask: np.ndarray) -> None:
        self.masks[segment] = mask.copy()

    def add(self, prompt: Prompt, segment: str, progress: Any = None) -> Answer:
        if isinstance(prompt, Point) and prompt.ras[0] > self.refused_from_r:
            raise InputError("The click lies outside the body.")
        self.asked.append(prompt)
        inside = self._box(prompt) if isinstance(prompt, RegionOfInterest) else self._ball(prompt)
        self.masks[segment][inside] = not isinstance(prompt, Point) or prompt.positive
        mask = BoxedMask.of(self.masks[segment])
        return Answer(mask, mask.box, "A ball." if isinstance(prompt, Point) else "")

    def segment(self, class_ids: list[int], region: Any = None, progress: Any = None) -> Segmentation:
        segments = [Segment(f"class {i}", i, i, (1, 2, 3), None, BoxedMask.of(self.automatic[i])) for i in class_ids]
        return Segmentation(self.volume.shape_ijk, self.volume.ijk_to_ras, segments)

    def _ball(self, point: Point) -> np.ndarray:
        return np.asarray(((positions(self.volume) - point.ras) ** 2).sum(axis=-1) <= RADIUS_MM**2)

    def _box(self, box: RegionOfInterest) -> np.ndarray:
        ras = positions(self.volume)
        return np.asarray(((ras >= box.low) & (ras <= box.high)).all(axis=-1))


def positions(volume: Volume) -> np.ndarray:
    """RAS mm of each voxel, (k, j, i, 3)."""
    index = np.stack(np.meshgrid(*map(range, volume.array.shape), indexing="ij")[::-1], axis=-1)
    return volume.index_to_ras(index.reshape(-1, 3)).reshape(*volume.array.shape, 3)


def ball(volume: Volume, centre: tuple[float, float, float], radius: float) -> np.ndarray:
    """The voxels within `radius` mm of a place in RAS mm."""
    return np.asarray(((positions(volume) - centre) ** 2).sum(axis=-1) < radius**2)


AFFINE = np.array([[-2.0, 0, 0, 40], [0, -2, 0, 40], [0, 0, 4, -60], [0, 0, 0, 1]])  # LPS


@pytest.fixture
def volume() -> Volume:
    """2 x 2 x 4 mm, LPS, from R,A,S 40,40,-60 to -38,-38,60."""
    return Volume.from_array(np.zeros((31, 40, 40), np.int16), AFFINE, axes="kji")


@pytest.fixture
def make_session(volume: Volume) -> Callable[..., PaintingSession]:
    return lambda **options: PaintingSession(volume, **options)


@pytest.fixture
def make_ball(volume: Volume) -> Callable[[tuple[float, float, float], float], np.ndarray]:
    """(centre in RAS mm, radius in mm) -> the voxels within."""
    return lambda centre, radius: ball(volume, centre, radius)
