"""The prompts that the network gets: over the whole volume the user's, in each window what follows from them.

As published (`BAAI-DCAI/SegVol`, utils/monai_inferers_utils.py, `sliding_window_inference`), where several windows are
needed a window gets

- the text, if there is one;
- for a box: the box around what the whole volume's answer holds of the window; in a single window the user's own;
- for clicks: up to 5 voxels that are clicked on, seen at the shrunk volume's resolution, and the box around what the
  whole volume's answer holds of the window. With a text, that makes three kinds, which the training never had together.

This differs from it in what follows:

- Places are counted from the window's first voxel, also where the window sticks out of the region that is looked at.
  There the published code pads the image and not the map of prompts, so that its boxes and points are off by the
  padding.
- In a single window the user's box is that of the scan's voxels; the published code takes it from the shrunk volume's.
- Of the voxels that are clicked on, the first is the latest click itself; the published code draws all of them.
- Negative clicks are kept; the published code drops them in windows.
- A box with clicks, which the published code refuses: the user's box as far as it lies in the window, and the user's
  clicks there; without a positive one among them, 5 voxels of what the whole volume's answer holds of the window.
- The draw is repeatable.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vistaseg.geometry.box import Index, VoxelBox, as_index
from vistaseg.masks.boxed import Mask
from vistaseg.models.segvol.placing import PlacedPrompts
from vistaseg.models.segvol.preprocessing import ZoomMap
from vistaseg.models.segvol.prompt_encoder import NEGATIVE, PADDING, POSITIVE, PromptBatch

MOST_EXTRA = 4
"""Voxels that are drawn beside the first."""

NOWHERE: Index = (-1, -1, -1)
"""Published place of padding, and of both corners of the box around nothing."""

LabelledPoint = tuple[Index, int]
Corners = tuple[Index, Index]


def whole_prompts(placed: PlacedPrompts, zoom: ZoomMap, text: Tensor | None, device: torch.device) -> PromptBatch:
    """The user's prompts in the shrunk volume."""
    points = [(zoom.to_zoomed(click.index), int(click.positive)) for click in placed.clicks]
    box = None if placed.box is None else _corners(zoom.box_to_zoomed(placed.box))
    return prompt_batch(points, box, text, device)


def prompt_batch(
    points: list[LabelledPoint], box: Corners | None, text: Tensor | None, device: torch.device
) -> PromptBatch:
    """The prompts of one object as tensors; a kind without any is left out."""
    return PromptBatch(
        points=torch.tensor([[place for place, _ in points]], dtype=torch.float32, device=device) if points else None,
        labels=torch.tensor([[label for _, label in points]], device=device) if points else None,
        boxes=None if box is None else torch.tensor([[*box[0], *box[1]]], dtype=torch.float32, device=device),
        texts=text,
    )


@dataclass(frozen=True, eq=False)
class WindowPrompts:
    """The prompts of windows over a region, in voxels (d, h, w).

    Attributes:
        placed: the user's prompts.
        predicted: bool, what the whole volume's answer holds, in the shrunk volume.
        region: of the cropped volume, all that windows may see.
        single: whether one window covers it.
    """

    placed: PlacedPrompts
    predicted: Mask
    zoom: ZoomMap
    region: VoxelBox
    single: bool

    def of(self, window: VoxelBox, random: np.random.RandomState) -> tuple[list[LabelledPoint], Corners | None]:
        """Points and box in the window's own voxels."""
        if not self.placed.clicks and self.placed.box is None:
            return [], None
        seen = window.intersection(self.region)
        predicted = np.zeros(window.shape, dtype=bool)
        predicted[seen.relative_to(window.start).slices] = self.zoom.grown(self.predicted, seen)
        return self._points(window, predicted, random), self._box(window, predicted)

    def _points(self, window: VoxelBox, predicted: Mask, random: np.random.RandomState) -> list[LabelledPoint]:
        if not self.placed.clicks:
            return []
        seen = window.intersection(self.region)
        own = [click for click in self.placed.clicks if seen.holds(click.index)]
        positive = [_seen_from(window, click.index) for click in own if click.positive]
        negative = [(_seen_from(window, click.index), NEGATIVE) for click in own if not click.positive]
        if self.placed.box is None:
            first = positive[-1] if positive else None
            return _drawn(self._clicked(window), first, random) + negative
        if positive:
            return [(place, POSITIVE) for place in positive] + negative
        return _drawn(predicted, None, random) + negative

    def _box(self, window: VoxelBox, predicted: Mask) -> Corners:
        own = self.placed.box
        if own is not None and (self.single or self.placed.clicks):
            inside = own.intersection(window).intersection(self.region)
            if not inside.empty:
                return _corners(inside.relative_to(window.start))
        return _corners_around(predicted)

    def _clicked(self, window: VoxelBox) -> Mask:
        """Voxels of the window that lie where the user clicked, at the resolution of the shrunk volume."""
        seen, clicked = window.intersection(self.region), np.zeros(window.shape, dtype=bool)
        for click in self.placed.clicks:
            if not click.positive:
                continue
            blocks = (self._block(click.index), VoxelBox(click.index, as_index(p + 1 for p in click.index)))
            for block in blocks:
                inside = block.intersection(seen)
                if not inside.empty:
                    clicked[inside.relative_to(window.start).slices] = True
        return clicked

    def _block(self, index: Index) -> VoxelBox:
        """The voxels of the cropped volume that one of the shrunk volume stands for; empty where it has none."""
        places = [np.flatnonzero(up == p) for up, p in zip(self.zoom.up, self.zoom.to_zoomed(index), strict=True)]
        if min(len(axis) for axis in places) == 0:
            return VoxelBox(index, index)
        return VoxelBox(as_index(axis[0] for axis in places), as_index(axis[-1] + 1 for axis in places))


def _drawn(mask: Mask, first: Index | None, random: np.random.RandomState) -> list[LabelledPoint]:
    """The first voxel of a mask and up to `MOST_EXTRA` more, padded to that number; only padding where it is empty."""
    places = np.flatnonzero(mask)
    if len(places) == 0:
        return [(NOWHERE, PADDING)]
    start = random.randint(len(places))
    drawn = random.permutation(len(places))[:MOST_EXTRA]
    chosen = [first or _index(mask, places[start]), *(_index(mask, places[n]) for n in drawn)]
    padding = [(NOWHERE, PADDING)] * (1 + MOST_EXTRA - len(chosen))
    return [(place, POSITIVE) for place in chosen] + padding


def _index(mask: Mask, place: int) -> Index:
    return as_index(map(int, np.unravel_index(place, mask.shape)))


def _corners_around(mask: Mask) -> Corners:
    """The first and the last voxel of the box around a mask."""
    if not mask.any():
        return NOWHERE, NOWHERE
    bounds = [np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis))) for axis in range(3)]
    return as_index(axis[0] for axis in bounds), as_index(axis[-1] for axis in bounds)


def _corners(box: VoxelBox) -> Corners:
    return box.start, as_index(b - 1 for b in box.stop)


def _seen_from(window: VoxelBox, index: Index) -> Index:
    return as_index(p - a for p, a in zip(index, window.start, strict=True))
