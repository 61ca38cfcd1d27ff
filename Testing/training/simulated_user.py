"""The user of `vistaseg evaluate` inside one window, for training the point branch on the errors it makes."""

from __future__ import annotations

import numpy as np
import torch

from vistaseg.evaluate.clicks import next_click
from vistaseg.geometry.box import Index
from vistaseg.masks.boxed import Mask
from vistaseg.models.correction import VoxelClick, near_click, recognises, touched_change

SPACING = (1.0, 1.0, 1.0)
"""The network's voxels are cubes."""


class SimulatedUser:
    """Clicks on one structure until it is right.

    Args:
        truth: bool (x, y, z), not empty.
        carelessness: share of the clicks that are anywhere in the largest error instead of at its middle.
    """

    def __init__(self, truth: Mask, carelessness: float, generator: torch.Generator) -> None:
        self.truth, self.answer = truth, np.zeros_like(truth)
        self.clicks: list[VoxelClick] = []
        self._carelessness, self._generator = carelessness, generator

    def click(self) -> bool:
        """Place one more click; False where there is nothing to mend."""
        found = next_click(self.truth.T, self.answer.T, SPACING)
        if found is None:
            return False
        index, positive = found
        if float(torch.rand((), generator=self._generator)) < self._carelessness:
            index = self._anywhere(positive)
        self.clicks.append(VoxelClick(index, positive))
        return True

    def _anywhere(self, positive: bool) -> Index:
        wrong = np.argwhere(self.truth & ~self.answer if positive else self.answer & ~self.truth)
        x, y, z = wrong[int(torch.randint(len(wrong), (), generator=self._generator))].tolist()
        return x, y, z

    def see(self, found: Mask) -> None:
        """Take over of an answer what the newest click asks for, as the software does."""
        click = self.clicks[-1]
        if not click.positive and not recognises(found, self.answer):
            found = np.where(near_click(self.answer, click), found, self.answer)
        self.answer = touched_change(self.answer, found, [click])
