"""Where the voxels of images, volumes and segmentation nodes lie, and how they lie to each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from vistaseg.geometry.box import VoxelBox
from vistaseg.geometry.grid import Grid, apply_affine
from vistaseg.mrml.transforms import array_from_matrix, linear_part, matrix_from_array, transform_between
from vistaseg.mrml.volumes import grid_of

BINARY_LABELMAP = "Binary labelmap"
CLOSED_SURFACE = "Closed surface"

_AGREEMENT = 0.01
"""Largest distance, in voxels, at which the voxels of two grids still count as the same."""

Bounds = tuple[int, int, int, int, int, int]
Offset = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Lattice:
    """The voxels that a segmentation node can have.

    Attributes:
        ijk_to_local: (4, 4), voxel index to the coordinates of the node, mm.
        bounds: first and last index along i, j and k, as VTK gives extents; nothing where last < first.
    """

    ijk_to_local: np.ndarray
    bounds: Bounds

    def image(self, bounds: Bounds | None = None) -> Any:
        """A vtkOrientedImageData of these voxels, or of others of the same lattice, without values."""
        return place(slicer.vtkOrientedImageData(), self, bounds or self.bounds)

    def index_to_local(self, index: np.ndarray) -> np.ndarray:
        """Positions (N, 3) in mm of continuous indices (N, 3)."""
        return apply_affine(self.ijk_to_local, index)

    def local_to_index(self, positions: np.ndarray) -> np.ndarray:
        """Continuous indices (N, 3) of positions (N, 3) in mm."""
        return apply_affine(np.linalg.inv(self.ijk_to_local), positions)


def lattice_of_image(image: Any) -> Lattice:
    """Where the voxels of a vtkOrientedImageData lie."""
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    return Lattice(array_from_matrix(matrix), as_bounds(image.GetExtent()))


def lattice_of_grid(grid: Grid) -> Lattice:
    """The voxels of a grid."""
    return Lattice(grid.ijk_to_ras, bounds_of(VoxelBox.whole(grid.shape_ijk)))


def offset_between(lattice: Lattice, segmentation_node: Any, volume_node: Any) -> Offset | None:
    """What is added to a voxel index of the volume to get that of the lattice; None where the voxels differ."""
    to_segmentation = linear_part(transform_between(volume_node, segmentation_node))
    if to_segmentation is None:
        return None
    grid = grid_of(volume_node)
    return shift(Lattice(to_segmentation @ grid.ijk_to_ras, lattice_of_grid(grid).bounds), lattice)


def shift(one: Lattice, other: Lattice) -> Offset | None:
    """What is added to a voxel index of one lattice to get that of the other; None where the voxels differ."""
    between = np.linalg.inv(other.ijk_to_local) @ one.ijk_to_local
    offset = np.rint(between[:3, 3]).astype(int)
    corners = np.array(list(product(*zip(one.bounds[::2], one.bounds[1::2], strict=True))))
    if np.abs(apply_affine(between, corners) - corners - offset).max() > _AGREEMENT:
        return None
    return int(offset[0]), int(offset[1]), int(offset[2])


def bounds_of(extent: VoxelBox, offset: Offset = (0, 0, 0)) -> Bounds:
    """The inclusive bounds of VTK for a half-open extent that is moved by `offset`."""
    ends = zip(extent.start, extent.stop, offset, strict=True)
    return as_bounds([value for first, last, move in ends for value in (first + move, last + move - 1)])


def extent_of(bounds: Bounds, offset: Offset, grid: Grid) -> VoxelBox | None:
    """The part of a volume's grid that bounds of a lattice cover, None where they cover nothing of it."""
    low = [max(first - move, 0) for first, move in zip(bounds[::2], offset, strict=True)]
    ends = zip(bounds[1::2], offset, grid.shape_ijk, strict=True)
    high = [min(last - move + 1, size) for last, move, size in ends]
    if any(last <= first for first, last in zip(low, high, strict=True)):
        return None
    return VoxelBox((low[0], low[1], low[2]), (high[0], high[1], high[2]))


def place(image: Any, lattice: Lattice, bounds: Bounds) -> Any:
    """The image, whose voxels from now on are those of a lattice within bounds of its size."""
    image.SetExtent(bounds)
    image.SetGeometryFromImageToWorldMatrix(matrix_from_array(lattice.ijk_to_local))
    return image


def array_of(image: Any) -> np.ndarray:
    """The values of an image, (k, j, i): its own memory, which lives as long as the array."""
    i, j, k = image.GetDimensions()
    return np.asarray(vtk_to_numpy(image.GetPointData().GetScalars()).reshape(k, j, i))


def is_empty(bounds: Bounds) -> bool:
    """Whether VTK's bounds hold no voxel."""
    return any(last < first for first, last in zip(bounds[::2], bounds[1::2], strict=True))


def as_bounds(values: Sequence[int]) -> Bounds:
    """Six numbers as bounds."""
    i0, i1, j0, j1, k0, k1 = values
    return i0, i1, j0, j1, k0, k1
