"""Where a segment lies in the patient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vistaseg.geometry.box import VoxelBox
from vistaseg.segmentation.model import Segment, crop_to_content

if TYPE_CHECKING:
    from vistaseg.geometry.grid import Grid

Ras = tuple[float, float, float]


@dataclass(frozen=True)
class VoxelPlace:
    """Where the voxels of a segment are.

    Attributes:
        centroid: mean (R, A, S) of the voxel centres in mm; it may lie outside a bent structure.
        low, high: lowest and highest (R, A, S) in mm of the outer edges of the voxels.
        box: of the voxels on the grid.
    """

    centroid: Ras
    low: Ras
    high: Ras
    box: VoxelBox


def place_of(segment: Segment, grid: Grid) -> VoxelPlace | None:
    """Where a segment lies; None where it has no voxel.

    In an oblique grid the box in mm is that of the voxels' own box, and larger than the segment.
    """
    mask, box = crop_to_content(segment.mask, segment.extent.start)
    if box.empty:
        return None
    centre = []
    for axis, start in zip((2, 1, 0), box.start, strict=True):
        counts = mask.sum(axis=tuple(other for other in range(3) if other != axis))
        centre.append(start + float(np.average(np.arange(len(counts)), weights=counts)))
    centroid, low, high = grid.index_to_ras([centre])[0], *grid.cropped(box).bounds_ras
    return VoxelPlace(_triple(centroid), _triple(low), _triple(high), box)


def _triple(values: np.ndarray) -> Ras:
    r, a, s = (float(value) for value in values)
    return r, a, s
