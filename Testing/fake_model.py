"""A stand-in for a model that answers at once, from Hounsfield units alone, and the same each time."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.ndimage import label

from vistaseg.errors import InputError
from vistaseg.geometry.box import VoxelBox
from vistaseg.masks.boxed import MaskChange
from vistaseg.models.protocol import ClassMasks, ModelIdentity, PromptAnswer, PromptQuestion
from vistaseg.progress import Progress
from vistaseg.prompts import Point, Prompt, Ras, RegionOfInterest
from vistaseg.volume import Volume

# Class id → HU from, to: liver, spleen, right kidney and left kidney are whatever has these values.
CLASSES: Mapping[int, tuple[float, float]] = {1: (0, 100), 3: (250, 350), 5: (550, 650), 14: (850, 950)}
# Class id → how sure it is of that, where it finds it.
CONFIDENCES: Mapping[int, float] = {1: 0.95, 3: 0.9, 5: 0.85, 14: 0.4}
TOLERANCE_HU = 60
AIR_HU = -500


class FakeVolume:
    """A click takes what hangs together with it and has nearly its value; a box all of the body in it."""

    def __init__(self, volume: Volume, model: FakeModel) -> None:
        self.volume, self.model = volume, model

    def windows(self, region: RegionOfInterest | None = None) -> int:
        return self.model.windows

    def segment_classes(
        self,
        class_ids: Sequence[int],
        region: RegionOfInterest | None,
        progress: Progress,
        prepare_clicks: bool = False,
    ) -> ClassMasks:
        self._work(progress)
        labels = np.zeros(self.volume.array.shape, np.uint8)
        for class_id in class_ids:
            low, high = CLASSES.get(class_id, (1e9, 1e9))
            labels[(self.volume.array >= low) & (self.volume.array <= high)] = class_id
        if region is not None:
            region.blank_outside(labels, self.volume.grid)
        return ClassMasks(labels, {}, confidences=CONFIDENCES)

    def answer(self, question: PromptQuestion, progress: Progress) -> PromptAnswer:
        self._work(progress)
        prompt = question.prompts[-1]
        found = self._region(prompt)
        nothing = np.zeros_like(found)
        positive = not isinstance(prompt, Point) or prompt.positive
        whole, parts = VoxelBox.whole(self.volume.shape_ijk), (found, nothing) if positive else (nothing, found)
        return PromptAnswer(MaskChange.in_box(*parts, whole), {})

    def hint(self, ras: Ras, progress: Progress) -> None:
        self._work(progress)

    def _region(self, prompt: Prompt) -> np.ndarray:
        if isinstance(prompt, RegionOfInterest):
            inside = (self.volume.array > AIR_HU).copy()
            prompt.blank_outside(inside, self.volume.grid)
            return inside
        assert isinstance(prompt, Point)
        index = np.round(self.volume.ras_to_index([prompt.ras])[0]).astype(int)
        if (index < 0).any() or (index >= self.volume.shape_ijk).any():
            raise InputError("The click lies outside the scan. Click inside it.")
        k, j, i = (int(value) for value in index[::-1])
        value = float(self.volume.array[k, j, i])
        if value < AIR_HU:
            raise InputError("The click lies outside the body. Click inside it.")
        near = np.abs(self.volume.array - value) < TOLERANCE_HU
        parts, _ = label(near)
        return np.asarray(parts == parts[k, j, i])

    def _work(self, progress: Progress) -> None:
        for at in range(self.model.windows):
            progress("windows", at, self.model.windows)
            time.sleep(self.model.seconds_a_window)


class FakeModel:
    """Takes as many windows and seconds as it is told to."""

    computed_on: Mapping[str, str] = {"device": "cpu", "precision": "fp32"}
    class_ids = tuple(CLASSES)
    takes: frozenset[type[Prompt]] = frozenset((Point, RegionOfInterest))
    trained_with = takes
    notice = ""

    def __init__(self, key: str = "fake", windows: int = 3, seconds_a_window: float = 0.0) -> None:
        self.identity = ModelIdentity(key, "Fake", "ab" * 32)
        self.windows, self.seconds_a_window = windows, seconds_a_window

    def open(self, volume: Volume) -> FakeVolume:
        return FakeVolume(volume, self)


def fake_load(key: str) -> FakeModel:
    """For `Workspace(scene, load=fake_load)`."""
    return FakeModel(key)
