"""What a small SegVol is shown of a torso: all of it shrunk, or a window at full resolution, as when it is used."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from augmentation import chance
from torch import Tensor
from torsos import IDS, Torso

from vistaseg.geometry.box import Index, VoxelBox, as_index
from vistaseg.models.covering import covering_windows
from vistaseg.models.segvol.preprocessing import SegVolImage, segvol_image
from vistaseg.models.segvol.zoom import OVERLAP, grown_region

SMALLEST = 12
"""Voxels of an object that is worth a prompt."""

NAMES: dict[str, tuple[str, ...]] = {
    "liver": ("liver",),
    "spleen": ("spleen",),
    "stomach": ("stomach",),
    "heart": ("heart",),
    "aorta": ("aorta",),
    "bone": ("bone",),
    "bladder": ("bladder",),
    "urinary bladder": ("bladder",),
    "left kidney": ("left kidney",),
    "kidney left": ("left kidney",),
    "right kidney": ("right kidney",),
    "kidney right": ("right kidney",),
    "kidneys": ("left kidney", "right kidney"),
    "left lung": ("left lung",),
    "right lung": ("right lung",),
    "lungs": ("left lung", "right lung"),
}
"""Text → organs. Spelt as SegVol was trained to read them."""


@dataclass(frozen=True, eq=False)
class Scene:
    """A torso before the network.

    Attributes:
        labels: uint8 (d, h, w), of the cropped volume.
        looked_for: organs that are labelled wherever they are.
    """

    image: SegVolImage
    labels: np.ndarray
    looked_for: frozenset[str]


@dataclass(frozen=True, eq=False)
class View:
    """What the network sees at once.

    Attributes:
        image: float32 (1, 1, D, H, W) in 0 … 1.
        labels: uint8 (D, H, W).
        zoomed_in: whether it is a window at full resolution.
        looked_for: organs that are labelled wherever they are.
    """

    image: Tensor
    labels: Tensor
    zoomed_in: bool
    looked_for: frozenset[str]

    @cached_property
    def counts(self) -> Tensor:
        """(256,) voxels of each label."""
        return torch.bincount(self.labels.flatten(), minlength=256)

    def organ(self, text: str) -> Tensor:
        """Mask (D, H, W) of what a text means."""
        return torch.stack([self.labels == IDS[name] for name in NAMES[text]]).any(0)

    def texts(self, there: bool = True) -> list[str]:
        """Texts of what is here, or of what is known not to be."""
        known = [text for text, names in NAMES.items() if self.looked_for.issuperset(names)]
        return [text for text in known if (sum(int(self.counts[IDS[n]]) for n in NAMES[text]) >= SMALLEST) == there]

    def objects(self) -> list[int]:
        """Labels of what can be pointed at."""
        return [int(label) for label in (self.counts >= SMALLEST).nonzero() if label]


def scene_of(torso: Torso, image_size: Index) -> Scene:
    """Prepare a torso exactly as a volume is when the model is used."""
    image = segvol_image(torso.volume, image_size)
    return Scene(image, torso.labels[image.crop.slices], torso.looked_for)


def whole_view(scene: Scene) -> View:
    """All of it, shrunk."""
    labels = scene.labels[np.ix_(*scene.image.zoom.down)]
    return View(scene.image.whole(), torch.from_numpy(labels), zoomed_in=False, looked_for=scene.looked_for)


def window_view(scene: Scene, generator: torch.Generator) -> View:
    """One of the windows that are laid over a structure, which the shrunk volume's answer has found about."""
    present = np.unique(scene.labels)
    label = int(present[torch.randint(1, len(present), (), generator=generator)])
    window_size, shape = scene.image.zoom.zoomed, scene.image.crop.shape
    region = grown_region(_shaken(_bounds(scene.labels == label), shape, generator), window_size, shape)
    windows = covering_windows(region, window_size, OVERLAP)
    window = windows[int(torch.randint(len(windows), (), generator=generator))]
    seen = window.intersection(region)
    labels = np.zeros(window.shape, np.uint8)
    labels[seen.relative_to(window.start).slices] = scene.labels[seen.slices]
    image = scene.image.window(window, region)
    return View(image, torch.from_numpy(labels), zoomed_in=True, looked_for=scene.looked_for)


def random_view(scene: Scene, generator: torch.Generator) -> View:
    """The whole or a window, equally often."""
    return whole_view(scene) if chance(0.5, generator) else window_view(scene, generator)


def _bounds(mask: np.ndarray) -> VoxelBox:
    places = np.nonzero(mask)
    return VoxelBox(as_index(int(axis.min()) for axis in places), as_index(int(axis.max()) + 1 for axis in places))


def _shaken(box: VoxelBox, shape: Index, generator: torch.Generator) -> VoxelBox:
    """The box, up to a tenth of its size larger or smaller on each side."""
    most = [(n + 9) // 10 for n in box.shape]
    by = [int(torch.randint(-m, m + 1, (), generator=generator)) for m in (*most, *most)]
    start = as_index(min(a + s, b - 1) for a, b, s in zip(box.start, box.stop, by[:3], strict=True))
    stop = as_index(max(b + s, a + 1) for a, b, s in zip(start, box.stop, by[3:], strict=True))
    return VoxelBox(start, stop).intersection(VoxelBox.whole(shape))
