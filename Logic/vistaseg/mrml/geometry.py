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

from vistaseg.geometry.box import VoxelBox, as_index
from vistaseg.geometry.grid import Grid, apply_affine
from vistaseg.mrml.transforms import array_from_matrix, linear_part, matrix_from_array, transform_between
from vistaseg.mrml.volumes import grid_of

BINARY_LABELMAP = "Binary labelmap"
CLOSED_SURFACE = "Closed surface"

_AGREEMENT = 0.01
"""Largest distance, in voxels, at which the voxels of two grids still count as the same."""

Offset = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Lattice:
    """The voxels that a segmentation node can have.

    Attributes:
        ijk_to_local: (4, 4), voxel index to the coordinates of the node, mm.
        box: of its voxel indices, which may begin below 0.
    """

    ijk_to_local: np.ndarray
    box: VoxelBox

    def image(self, box: VoxelBox | None = None) -> Any:
        """A vtkOrientedImageData of these voxels, or of others of the same lattice, without values."""
        return place(slicer.vtkOrientedImageData(), self, box or self.box)

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
    return Lattice(array_from_matrix(matrix), box_of_extent(image.GetExtent()))


def lattice_of_grid(grid: Grid) -> Lattice:
    """The voxels of a grid."""
    return Lattice(grid.ijk_to_ras, VoxelBox.whole(grid.shape_ijk))


def offset_between(lattice: Lattice, segmentation_node: Any, volume_node: Any) -> Offset | None:
    """What is added to a voxel index of the volume to get that of the lattice; None where the voxels differ."""
    to_segmentation = linear_part(transform_between(volume_node, segmentation_node))
    if to_segmentation is None:
        return None
    grid = grid_of(volume_node)
    return shift(Lattice(to_segmentation @ grid.ijk_to_ras, lattice_of_grid(grid).box), lattice)


def shift(one: Lattice, other: Lattice) -> Offset | None:
    """What is added to a voxel index of one lattice to get that of the other; None where the voxels differ."""
    between = np.linalg.inv(other.ijk_to_local) @ one.ijk_to_local
    offset = np.rint(between[:3, 3]).astype(int)
    corners = np.array(
        list(product(*((first, stop - 1) for first, stop in zip(one.box.start, one.box.stop, strict=True))))
    )
    if np.abs(apply_affine(between, corners) - corners - offset).max() > _AGREEMENT:
        return None
    return int(offset[0]), int(offset[1]), int(offset[2])


def box_of_extent(extent: Sequence[int]) -> VoxelBox:
    """The box of VTK's extent: first and last index along i, j and k; empty where a last one is below the first."""
    return VoxelBox(as_index(extent[::2]), as_index(last + 1 for last in extent[1::2]))


def has_voxels(image: Any) -> bool:
    """Whether there is an image, and a voxel in it."""
    return image is not None and not box_of_extent(image.GetExtent()).empty


def place(image: Any, lattice: Lattice, box: VoxelBox) -> Any:
    """The image, whose voxels from now on are those of a box of a lattice, which has its size."""
    image.SetExtent([end for a, b in zip(box.start, box.stop, strict=True) for end in (a, b - 1)])
    image.SetGeometryFromImageToWorldMatrix(matrix_from_array(lattice.ijk_to_local))
    return image


def array_of(image: Any) -> np.ndarray:
    """The values of an image, (k, j, i): its own memory, which lives as long as the array."""
    i, j, k = image.GetDimensions()
    return np.asarray(vtk_to_numpy(image.GetPointData().GetScalars()).reshape(k, j, i))
