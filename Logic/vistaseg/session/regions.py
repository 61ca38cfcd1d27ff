"""Whether a region of interest holds anything of a grid."""

from __future__ import annotations

import numpy as np

from vistaseg.geometry.grid import Grid, shifted
from vistaseg.prompts import RegionOfInterest

_POINTS = 24
"""Along each side of a region."""


def holds_voxel(region: RegionOfInterest, grid: Grid) -> bool:
    """Whether the centre of any voxel lies in the region."""
    return voxels_in(region, grid, enough=1) > 0


def voxels_in(region: RegionOfInterest, grid: Grid, enough: int) -> int:
    """Number of voxels whose centre lies in the region; slice by slice, to take little memory.

    Args:
        enough: where so many are found, no more are counted.
    """
    index = grid.ras_to_index(region.corners())
    start = np.maximum(np.floor(index.min(axis=0)), 0).astype(int)
    stop = np.minimum(np.ceil(index.max(axis=0)) + 1, grid.shape_ijk).astype(int)
    if (stop <= start).any():
        return 0
    i, j, _ = stop - start
    count = 0
    for k in range(start[2], stop[2]):
        count += _voxels_in_slice(region, grid, (start[0], start[1], k), (i, j))
        if count >= enough:
            break
    return count


def _voxels_in_slice(
    region: RegionOfInterest, grid: Grid, offset: tuple[int, int, int], size_ij: tuple[int, int]
) -> int:
    i, j = size_ij
    inside = np.ones((1, j, i), dtype=bool)
    region.blank_outside(inside, Grid((i, j, 1), shifted(grid.ijk_to_ras, offset)))
    return int(np.count_nonzero(inside))


def share_outside(region: RegionOfInterest, grid: Grid) -> float:
    """How much of the region lies outside the grid, 0 to 1, by points spread evenly over the region."""
    steps = (np.arange(_POINTS) + 0.5) / _POINTS
    axes = [low + steps * (high - low) for low, high in zip(region.low, region.high, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    index = grid.ras_to_index(points)
    outside = ((index < -0.5) | (index >= np.array(grid.shape_ijk) - 0.5)).any(axis=1)
    return float(outside.mean())
