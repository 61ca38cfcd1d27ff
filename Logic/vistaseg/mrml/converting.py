"""Segments that are surfaces as label maps."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer

from vistaseg.errors import InputError
from vistaseg.geometry.grid import Grid
from vistaseg.mrml.geometry import BINARY_LABELMAP, Lattice, lattice_of_grid
from vistaseg.mrml.reference import prepare_lattice, set_reference
from vistaseg.mrml.transforms import linear_part, transform_between


def has_labelmaps(segmentation_node: Any) -> bool:
    """Whether a node keeps its segments as label maps, or has none."""
    segmentation = segmentation_node.GetSegmentation()
    return bool(
        segmentation.GetNumberOfSegments() == 0 or segmentation.GetSourceRepresentationName() == BINARY_LABELMAP
    )


def require_labelmaps(segmentation_node: Any) -> None:
    """Refuse a node whose segments are surfaces or contours.

    Raises:
        InputError: it is one.
    """
    if not has_labelmaps(segmentation_node):
        raise InputError(
            f"{segmentation_node.GetName()} keeps its segments as "
            f"{segmentation_node.GetSegmentation().GetSourceRepresentationName().lower()}s, and voxels can be changed "
            "in label maps only: convert it, or choose a new segmentation."
        )


def use_labelmaps(segmentation_node: Any, volume_node: Any) -> None:
    """Make a node keep its segments as label maps, as the Segment Editor does after a question to the user.

    What the segments were before is lost, and small detail of surfaces with it.

    Raises:
        InputError: they cannot be converted to voxels.
    """
    if has_labelmaps(segmentation_node):
        return
    prepare_lattice(segmentation_node, volume_node)
    segmentation = segmentation_node.GetSegmentation()
    _create_labelmaps(segmentation, segmentation_node.GetName())
    segmentation.SetSourceRepresentationName(BINARY_LABELMAP)


def converted_segment(segmentation_node: Any, segment_id: str, volume_node: Any, grid: Grid) -> Any:
    """A copy of a vtkSegment with a label map, on the voxels of the volume unless the transforms between bend.

    Raises:
        InputError: it cannot be converted to voxels.
    """
    source = segmentation_node.GetSegmentation()
    copy = slicer.vtkSegmentation()
    copy.SetSourceRepresentationName(source.GetSourceRepresentationName())
    copy.CopyConversionParameters(source)
    to_segmentation = linear_part(transform_between(volume_node, segmentation_node))
    if to_segmentation is not None:
        matrix: np.ndarray = to_segmentation @ grid.ijk_to_ras
        set_reference(copy, Lattice(matrix, lattice_of_grid(grid).box))
    copy.CopySegmentFromSegmentation(source, segment_id)
    _create_labelmaps(copy, source.GetSegment(segment_id).GetName())
    return copy.GetSegment(segment_id)


def _create_labelmaps(segmentation: Any, name: str) -> None:
    if not segmentation.CreateRepresentation(BINARY_LABELMAP):
        raise InputError(
            f"{name} cannot be converted to voxels from {segmentation.GetSourceRepresentationName().lower()}: create "
            "its binary label map in the module Segmentations first."
        )
