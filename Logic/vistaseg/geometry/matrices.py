"""Geometry of files: LPS and RAS, and whether two grids are the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vistaseg.errors import InputError
from vistaseg.geometry.grid import Grid

if TYPE_CHECKING:
    import numpy.typing as npt

Matrix = np.ndarray[Any, np.dtype[np.float64]]

LPS_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])  # its own inverse


def flip_lps_ras(matrix: Matrix) -> Matrix:
    """IJK to RAS from IJK to LPS, or the other way; zeros stay positive."""
    flipped: Matrix = LPS_RAS @ matrix + 0.0
    return flipped


def sound_affine(values: npt.ArrayLike) -> Matrix:
    """The matrix (4, 4) of a file, if voxels can lie where it says.

    Raises:
        ValueError, TypeError, OverflowError: it is not a matrix of finite numbers, or is singular.
    """
    matrix: Matrix = np.asarray(values, dtype=np.float64)
    try:
        Grid((1, 1, 1), matrix)
    except InputError as error:
        raise ValueError(str(error)) from error
    return matrix


def same_grid(one: Matrix, other: Matrix, shape_ijk: tuple[int, int, int], tolerance: float) -> bool:
    """Whether no corner of the grid moves by more than `tolerance` mm between the two geometries."""
    ends = np.array(np.meshgrid(*[(0, size) for size in shape_ijk])).reshape(3, -1)
    corners = np.vstack([ends, np.ones(ends.shape[1])])
    return bool(np.abs((one - other) @ corners).max() <= tolerance)
