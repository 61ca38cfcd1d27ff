"""Masks of a volume as label maps that a segmentation node can take."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import vtk

from vistaseg.geometry.box import VoxelBox
from vistaseg.mrml.geometry import (
    array_of,
    lattice_of_grid,
    lattice_of_image,
    offset_between,
    place,
)
from vistaseg.mrml.reference import prepare_lattice
from vistaseg.mrml.resampling import covered_box, resample
from vistaseg.mrml.transforms import transform_between
from vistaseg.mrml.volumes import grid_of


class BoxedArray(Protocol):
    """A mask or label map in a box of a volume: bool or uint8 (k, j, i)."""

    @property
    def array(self) -> np.ndarray: ...  # noqa: D102
    @property
    def box(self) -> VoxelBox: ...  # noqa: D102


def labelmap_of(part: BoxedArray, volume_node: Any, segmentation_node: Any) -> Any:
    """A mask or label map of a volume as a vtkOrientedImageData of bytes in the coordinates of a segmentation node.

    Where the voxels of both are the same, nothing is resampled. Otherwise each voxel of the segmentation takes
    the value of the nearest of the volume's. The node's reference geometry is made, or made larger, to hold the volume.

    Raises:
        InputError: see `prepare_lattice`.
    """
    image = lattice_of_grid(grid_of(volume_node).cropped(part.box)).image()
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    np.copyto(array_of(image), part.array, casting="unsafe")
    lattice = prepare_lattice(segmentation_node, volume_node)
    offset = offset_between(lattice, segmentation_node, volume_node)
    if offset is not None:
        return place(image, lattice, part.box.shifted(offset))
    transform = transform_between(volume_node, segmentation_node)
    return resample(image, lattice, covered_box(lattice_of_image(image), lattice, transform), transform)
