"""Geometry of files: LPS and RAS, grids that are shifted against each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

Matrix = np.ndarray[Any, np.dtype[np.float64]]

LPS_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])  # its own inverse


def flip_lps_ras(matrix: Matrix) -> Matrix:
    """IJK to RAS from IJK to LPS, or the other way; zeros stay positive."""
    flipped: Matrix = LPS_RAS @ matrix + 0.0
    return flipped


def affine(columns: npt.ArrayLike, origin: npt.ArrayLike) -> Matrix:
    """4x4 from the three steps along i, j, k (as columns) and the position of the first voxel."""
    matrix = np.eye(4)
    matrix[:3, :3] = columns
    matrix[:3, 3] = origin
    return matrix


def shifted(matrix: Matrix, offset: npt.ArrayLike) -> Matrix:
    """The geometry of a grid whose voxel (0, 0, 0) is the voxel `offset` (i, j, k) of the grid `matrix`."""
    return affine(matrix[:3, :3], matrix[:3, :3] @ np.asarray(offset, dtype=float) + matrix[:3, 3])


def same_grid(one: Matrix, other: Matrix, shape_ijk: tuple[int, int, int], tolerance: float) -> bool:
    """Whether no corner of the grid moves by more than `tolerance` mm between the two geometries."""
    ends = np.array(np.meshgrid(*[(0, size) for size in shape_ijk])).reshape(3, -1)
    corners = np.vstack([ends, np.ones(ends.shape[1])])
    return bool(np.abs((one - other) @ corners).max() <= tolerance)
