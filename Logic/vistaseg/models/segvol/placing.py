"""Prompts in RAS mm as voxels of the cropped volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vistaseg.errors import InputError
from vistaseg.geometry.box import Index, VoxelBox, as_index
from vistaseg.geometry.grid import Grid
from vistaseg.models.correction import VoxelClick
from vistaseg.prompts import Point, Prompt, Ras, RegionOfInterest, Text

_TOLERANCE = 1e-6
"""Of a voxel: by so much, a side of a box may miss the centre of a voxel that it was drawn through."""


@dataclass(frozen=True)
class PlacedPrompts:
    """All prompts of a segment before one volume.

    Attributes:
        clicks: in the order of the user, (d, h, w) of the cropped volume.
        box: the latest one, of the cropped volume.
        text: the latest one.
    """

    clicks: tuple[VoxelClick, ...] = ()
    box: VoxelBox | None = None
    text: str | None = None

    @property
    def says_what(self) -> bool:
        """Whether anything says what the structure is, and not only what it is not."""
        return self.box is not None or self.text is not None or any(click.positive for click in self.clicks)


def place(prompts: Sequence[Prompt], grid: Grid, crop: VoxelBox) -> PlacedPrompts:
    """The prompts of a segment, oldest first, in a crop (k, j, i) of a volume.

    Raises:
        InputError: one lies outside the scan or the body.
    """
    clicks = tuple(VoxelClick(click_index(p.ras, grid, crop), p.positive) for p in prompts if isinstance(p, Point))
    boxes = [prompt for prompt in prompts if isinstance(prompt, RegionOfInterest)]
    texts = [prompt.text for prompt in prompts if isinstance(prompt, Text)]
    box = index_box(boxes[-1], grid, crop) if boxes else None
    return PlacedPrompts(clicks, box, texts[-1] if texts else None)


def click_index(ras: Ras, grid: Grid, crop: VoxelBox) -> Index:
    """The voxel (d, h, w) of the crop that holds a place.

    Raises:
        InputError: there is none.
    """
    index = as_index(np.floor(grid.ras_to_index([ras])[0][::-1] + 0.5))
    if not VoxelBox.whole(as_index(reversed(grid.shape_ijk))).holds(index):
        raise InputError(f"The click at {_where(ras)} lies outside the scan. Click inside it.")
    if not crop.holds(index):
        raise InputError(f"The click at {_where(ras)} lies outside the body. Click inside it.")
    return as_index(p - a for p, a in zip(index, crop.start, strict=True))


def index_box(region: RegionOfInterest, grid: Grid, crop: VoxelBox) -> VoxelBox:
    """The box (d, h, w) of the crop, along the volume's axes, around the voxel centres between a region's corners.

    In an oblique volume it is larger than the region. A region that is thinner than a voxel gets the nearest one.

    Raises:
        InputError: the region does not meet the crop.
    """
    corners = grid.ras_to_index(region.corners())[:, ::-1]
    low, high = corners.min(axis=0), corners.max(axis=0)
    start, last = np.ceil(low - _TOLERANCE), np.floor(high + _TOLERANCE)
    thin = last < start
    start[thin] = last[thin] = np.floor((low + high)[thin] / 2 + 0.5)
    found = VoxelBox(as_index(start), as_index(last + 1)).intersection(crop)
    if found.empty:
        raise InputError("The box lies outside the body in this scan. Draw it around the structure.")
    return found.relative_to(crop.start)


def _where(ras: Ras) -> str:
    return f"({', '.join(f'{value:.1f}' for value in ras)}) mm"
