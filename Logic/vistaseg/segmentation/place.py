"""Where a segment lies in the patient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vistaseg.geometry.box import VoxelBox
from vistaseg.segmentation.model import Segment

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
    mask = segment.mask.cropped()
    if mask.box.empty:
        return None
    centroid, low, high = grid.index_to_ras([mask.centroid])[0], *grid.cropped(mask.box).bounds_ras
    return VoxelPlace(_triple(centroid), _triple(low), _triple(high), mask.box)


def _triple(values: np.ndarray) -> Ras:
    r, a, s = (float(value) for value in values)
    return r, a, s
