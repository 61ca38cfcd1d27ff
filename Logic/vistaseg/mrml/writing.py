"""Masks of a volume as label maps that a segmentation node can take."""

from __future__ import annotations

from typing import Any

import numpy as np
import vtk

from vistaseg.mrml.geometry import (
    array_of,
    bounds_of,
    lattice_of_grid,
    lattice_of_image,
    offset_between,
    place,
)
from vistaseg.mrml.reference import prepare_lattice
from vistaseg.mrml.resampling import covered_bounds, resample
from vistaseg.mrml.transforms import transform_between
from vistaseg.mrml.volumes import grid_of
from vistaseg.segmentation import Extent
from vistaseg.segmentation.model import Mask


def labelmap_of(mask: Mask, extent: Extent, volume_node: Any, segmentation_node: Any) -> Any:
    """A mask of a volume as a vtkOrientedImageData of 0 and 1 in the coordinates of a segmentation node.

    Where the voxels of both are the same, nothing is resampled. Otherwise each voxel of the segmentation takes
    the value of the nearest of the volume's. The node's reference geometry is made, or made larger, to hold the volume.

    Args:
        mask: bool, (k, j, i), of `extent` only.
        extent: its place on the volume's grid.

    Raises:
        InputError: see `prepare_lattice`.
    """
    image = source_image(extent, volume_node)
    np.copyto(array_of(image), mask, casting="unsafe")
    return on_lattice(image, extent, volume_node, segmentation_node)


def source_image(extent: Extent, volume_node: Any) -> Any:
    """A vtkOrientedImageData of bytes, not yet filled, in the place of a box of a volume."""
    image = lattice_of_grid(grid_of(volume_node).cropped(extent.start, extent.stop)).image()
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    return image


def on_lattice(image: Any, extent: Extent, volume_node: Any, segmentation_node: Any) -> Any:
    """An image of a box of a volume on the voxels of a segmentation: itself, moved there, where they are the same."""
    lattice = prepare_lattice(segmentation_node, volume_node)
    offset = offset_between(lattice, segmentation_node, volume_node)
    if offset is not None:
        return place(image, lattice, bounds_of(extent, offset))
    transform = transform_between(volume_node, segmentation_node)
    return resample(image, lattice, covered_bounds(lattice_of_image(image), lattice, transform), transform)
