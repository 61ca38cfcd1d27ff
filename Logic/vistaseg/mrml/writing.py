"""Masks of a volume as label maps that a segmentation node can take."""

from __future__ import annotations

from typing import Any

import numpy as np

from vistaseg.mrml.geometry import (
    NOTHING,
    bounds_of,
    filled,
    is_empty,
    lattice_of_grid,
    offset_between,
    prepare_lattice,
)
from vistaseg.mrml.resampling import common_bounds, covered_bounds, resample
from vistaseg.mrml.transforms import transform_between
from vistaseg.mrml.volumes import grid_of
from vistaseg.segmentation import Extent
from vistaseg.segmentation.model import Mask


def labelmap_of(mask: Mask, extent: Extent, volume_node: Any, segmentation_node: Any) -> Any:
    """A mask of a volume as a vtkOrientedImageData of 0 and 1 on the lattice of a segmentation node.

    Where the voxels of both are the same, nothing is resampled. Otherwise each voxel of the lattice takes the
    value of the nearest of the volume's, and what lies outside the reference geometry is left out.

    Args:
        mask: bool, (k, j, i), of `extent` only.
        extent: its place on the volume's grid.
    """
    return labels_image(mask.astype(np.uint8), extent, volume_node, segmentation_node)


def labels_image(labels: np.ndarray, extent: Extent, volume_node: Any, segmentation_node: Any) -> Any:
    """As `labelmap_of`, for label values (k, j, i) of any unsigned type."""
    lattice = prepare_lattice(segmentation_node, volume_node)
    offset = offset_between(lattice, segmentation_node, volume_node)
    if offset is not None:
        return filled(lattice.image(bounds_of(extent, offset)), labels)
    source = lattice_of_grid(grid_of(volume_node).cropped(extent.start, extent.stop))
    transform = transform_between(volume_node, segmentation_node)
    bounds = common_bounds(covered_bounds(source, lattice, transform), lattice.bounds)
    if is_empty(bounds):
        return lattice.image(NOTHING)
    return resample(filled(source.image(), labels), lattice, bounds, transform)
