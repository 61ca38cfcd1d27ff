"""A regular grid of voxels in the patient: its size, and where the centre of each voxel lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from vistaseg.errors import InputError
from vistaseg.geometry.box import VoxelBox

if TYPE_CHECKING:
    import numpy.typing as npt

ORTHOGONALITY_TOLERANCE = 1e-3
"""Largest cosine of the angle between two grid axes that still counts as a right angle.

It is about 0.06 degrees: rounding in a header stays far below it, a tilted gantry far above.
"""

_POSITIVE_CODES = "RAS"
_NEGATIVE_CODES = "LPI"


@dataclass(frozen=True, eq=False)
class Grid:
    """Size of a volume and the position of its voxels.

    Attributes:
        shape_ijk: number of voxels along (i, j, k).
        ijk_to_ras: (4, 4) float64, index (i, j, k) of a voxel centre to RAS mm; kept read-only.

    Raises:
        InputError: the matrix is not a finite, invertible affine matrix.
    """

    shape_ijk: tuple[int, int, int]
    ijk_to_ras: np.ndarray

    def __post_init__(self) -> None:
        i, j, k = (int(size) for size in self.shape_ijk)
        object.__setattr__(self, "shape_ijk", (i, j, k))
        object.__setattr__(self, "ijk_to_ras", _checked_affine(self.ijk_to_ras))

    @cached_property
    def spacing(self) -> tuple[float, float, float]:
        """Distance in mm between voxel centres along i, j and k."""
        i, j, k = np.linalg.norm(self.ijk_to_ras[:3, :3], axis=0)
        return float(i), float(j), float(k)

    @cached_property
    def directions(self) -> np.ndarray:
        """(3, 3): column a is the unit vector in RAS along which index a grows."""
        return np.asarray(self.ijk_to_ras[:3, :3] / np.array(self.spacing))

    @cached_property
    def ras_to_ijk(self) -> np.ndarray:
        """(4, 4) float64, inverse of `ijk_to_ras`."""
        return np.asarray(np.linalg.inv(self.ijk_to_ras))

    @cached_property
    def axes(self) -> tuple[tuple[int, int], ...]:
        """For i, j and k: (closest RAS axis 0, 1 or 2, +1 or -1 for the sense in which the index grows)."""
        return closest_axes(self.directions)

    @property
    def orientation(self) -> str:
        """Closest anatomical directions in which i, j and k grow, such as "RAS" or "LPS"."""
        return "".join((_POSITIVE_CODES if sign > 0 else _NEGATIVE_CODES)[axis] for axis, sign in self.axes)

    @property
    def shear(self) -> float:
        """Largest absolute cosine between two different axes; 0 for a rectangular grid."""
        cosines = self.directions.T @ self.directions
        return float(np.abs(cosines - np.diag(np.diag(cosines))).max())

    @property
    def is_orthogonal(self) -> bool:
        """Whether all axes are at right angles, within `ORTHOGONALITY_TOLERANCE`."""
        return self.shear <= ORTHOGONALITY_TOLERANCE

    @cached_property
    def bounds_ras(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest (R, A, S) in mm, (3,) each, of the outer edges of the voxels."""
        ends = np.array(np.meshgrid(*[(-0.5, size - 0.5) for size in self.shape_ijk])).reshape(3, -1).T
        corners = self.index_to_ras(ends)
        return corners.min(axis=0), corners.max(axis=0)

    def index_to_ras(self, ijk: np.ndarray | Sequence[Sequence[float]]) -> np.ndarray:
        """RAS mm (N, 3) of the continuous indices (i, j, k), (N, 3); whole numbers are voxel centres."""
        return apply_affine(self.ijk_to_ras, ijk)

    def ras_to_index(self, ras: np.ndarray | Sequence[Sequence[float]]) -> np.ndarray:
        """Continuous indices (i, j, k), (N, 3), of positions in RAS mm, (N, 3)."""
        return apply_affine(self.ras_to_ijk, ras)

    def cropped(self, box: VoxelBox) -> Grid:
        """The grid of a box of its voxels."""
        affine = self.ijk_to_ras.copy()
        affine[:3, 3] = self.index_to_ras([box.start])[0]
        return Grid(box.shape, affine)

    def require_orthogonal(self, purpose: str) -> None:
        """Raise InputError when the axes are not at right angles; `purpose` says what needs them to be."""
        if not self.is_orthogonal:
            raise InputError(
                f"The axes of this volume are not at right angles (cosine {self.shear:.4f}, at most "
                f"{ORTHOGONALITY_TOLERANCE} is allowed), which {purpose} needs. Resample it to a "
                "rectangular grid first, in 3D Slicer for instance by hardening the transform on it."
            )


def apply_affine(matrix: np.ndarray, points: np.ndarray | Sequence[Sequence[float]]) -> np.ndarray:
    """Apply a (4, 4) affine matrix to points (N, 3); float64 (N, 3)."""
    columns = np.asarray(points, dtype=np.float64).reshape(-1, 3)
    return np.asarray(columns @ matrix[:3, :3].T + matrix[:3, 3])


def closest_axes(directions: np.ndarray) -> tuple[tuple[int, int], ...]:
    """For each column of (3, 3) `directions`: the closest world axis and the sign along it, each axis once.

    The same rule as nibabel's `io_orientation`, so that oblique volumes are turned as MONAI turns them: the
    nearest rotation is taken, and the column that follows a world axis most closely chooses first.
    """
    left, _, right = np.linalg.svd(directions)
    rotation = left @ right
    chosen: dict[int, tuple[int, int]] = {}
    for column in np.argsort(-(rotation**2).max(axis=0), kind="stable"):
        axis = int(np.argmax(np.abs(rotation[:, column])))
        chosen[int(column)] = (axis, 1 if rotation[axis, column] > 0 else -1)
        rotation[axis, :] = 0
    return chosen[0], chosen[1], chosen[2]


def _checked_affine(matrix: np.ndarray) -> np.ndarray:
    affine = np.array(matrix, dtype=np.float64)
    if affine.shape != (4, 4) or not np.array_equal(affine[3], [0, 0, 0, 1]):
        raise InputError("The position matrix of the volume is not a 4x4 affine matrix. Give its IJK-to-RAS matrix.")
    if not np.isfinite(affine).all():
        raise InputError("The position of the volume has values that are not numbers. Mend its header first.")
    _check_invertible(affine)
    affine.flags.writeable = False
    return affine


def _check_invertible(affine: np.ndarray) -> None:
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    if (lengths == 0).any():
        raise InputError("The voxel spacing of the volume is 0 along an axis. Mend the spacing in its header.")
    if abs(np.linalg.det(affine[:3, :3] / lengths)) < 1e-6:
        raise InputError(
            "The directions of the volume's axes are singular: two of them are the same, or one lies in the "
            "plane of the others. Mend the orientation in its header."
        )


def affine(columns: npt.ArrayLike, origin: npt.ArrayLike) -> np.ndarray:
    """(4, 4) from the three steps along i, j, k (as columns) and the position of the first voxel."""
    matrix = np.eye(4)
    matrix[:3, :3] = columns
    matrix[:3, 3] = origin
    return matrix


def shifted(matrix: np.ndarray, offset: npt.ArrayLike) -> np.ndarray:
    """The geometry (4, 4) of a grid whose voxel (0, 0, 0) is the voxel `offset` (i, j, k) of the grid `matrix`."""
    return affine(matrix[:3, :3], matrix[:3, :3] @ np.asarray(offset, dtype=float) + matrix[:3, 3])
