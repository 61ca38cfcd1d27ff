"""Whether a region of interest holds anything of a grid."""

from __future__ import annotations

import numpy as np

from vistaseg.prompts import RegionOfInterest
from vistaseg.volume import Grid
from vistaseg.volume.geometry import shifted


def holds_voxel(region: RegionOfInterest, grid: Grid) -> bool:
    """Whether the centre of any voxel lies in the region; slice by slice, to take little memory."""
    index = grid.ras_to_index(region.corners())
    start = np.maximum(np.floor(index.min(axis=0)), 0).astype(int)
    stop = np.minimum(np.ceil(index.max(axis=0)) + 1, grid.shape_ijk).astype(int)
    if (stop <= start).any():
        return False
    i, j, _ = stop - start
    return any(_slice_holds_voxel(region, grid, (start[0], start[1], k), (i, j)) for k in range(start[2], stop[2]))


def _slice_holds_voxel(
    region: RegionOfInterest, grid: Grid, offset: tuple[int, int, int], size_ij: tuple[int, int]
) -> bool:
    i, j = size_ij
    inside = np.ones((1, j, i), dtype=bool)
    region.blank_outside(inside, Grid((i, j, 1), shifted(grid.ijk_to_ras, offset)))
    return bool(inside.any())
