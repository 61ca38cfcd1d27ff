"""Segments of a segmentation node as masks on the grid of a volume, whoever made them."""

from __future__ import annotations

from typing import Any

import numpy as np

from vistaseg.errors import InputError
from vistaseg.mrml.converting import converted_segment, has_labelmaps
from vistaseg.mrml.cropping import crop_to_value
from vistaseg.mrml.geometry import (
    BINARY_LABELMAP,
    array_of,
    as_bounds,
    bounds_of,
    extent_of,
    is_empty,
    lattice_of_grid,
    lattice_of_image,
    offset_between,
)
from vistaseg.mrml.resampling import common_bounds, covered_bounds, resample, slices_of
from vistaseg.mrml.tags import SegmentRecord, record_of
from vistaseg.mrml.transforms import transform_between
from vistaseg.segmentation import Extent
from vistaseg.segmentation.label_boxes import Box
from vistaseg.segmentation.model import EMPTY_EXTENT, Index, Mask
from vistaseg.volume import Grid


def read_mask(
    segmentation_node: Any, segment_id: str, volume_node: Any, grid: Grid, box: Box | None = None
) -> tuple[Mask, Extent]:
    """The mask of a segment on the grid of a volume, cropped to its content.

    Where the voxels of both are the same, nothing is resampled. Otherwise each voxel of the volume takes the
    value of the nearest of the segment's. A segment that is only a surface is converted for this reading alone.

    Args:
        grid: that of the volume, in its own coordinates.
        box: part of the segment's label map that holds it, where that is known already.

    Returns:
        bool (k, j, i) of the extent, and the extent.

    Raises:
        InputError: there is no such segment, or no way from its representation to voxels.
    """
    image, value = labelmap_of_segment(segmentation_node, segment_id, volume_node, grid)
    labels, start = labels_on_grid(image, segmentation_node, volume_node, grid)
    whole = image is not None and np.may_share_memory(labels, array_of(image)) and labels.size == array_of(image).size
    return crop_to_value(labels, value, start, box if whole else None)


def own_mask(segmentation_node: Any, segment_id: str, volume_node: Any) -> tuple[Mask, Extent] | None:
    """The mask of a segment on the voxels of its own label map, as `read_mask` gives it on those of a volume.

    None where it has no label map, where its voxels are those of the volume, or where they begin before index 0.

    Raises:
        InputError: there is no such segment.
    """
    segment = _segment(segmentation_node, segment_id)
    image = segment.GetRepresentation(BINARY_LABELMAP)
    if image is None or is_empty(as_bounds(image.GetExtent())):
        return None
    lattice = lattice_of_image(image)
    start = (lattice.bounds[0], lattice.bounds[2], lattice.bounds[4])
    if min(start) < 0 or offset_between(lattice, segmentation_node, volume_node) == (0, 0, 0):
        return None
    return crop_to_value(array_of(image), segment.GetLabelValue(), start)


def labels_on_grid(image: Any, segmentation_node: Any, volume_node: Any, grid: Grid) -> tuple[np.ndarray, Index]:
    """The values of a label map where it covers the grid of a volume, see `read_mask`; not copied where they need not.

    Args:
        image: vtkOrientedImageData in the coordinates of the segmentation node, or None.

    Returns:
        Unsigned integers (k, j, i), and the index (i, j, k) of the first on the grid.
    """
    if image is None or is_empty(as_bounds(image.GetExtent())):
        return _nothing()
    lattice = lattice_of_image(image)
    offset = offset_between(lattice, segmentation_node, volume_node)
    if offset is None:
        return _resampled(image, transform_between(segmentation_node, volume_node), grid)
    extent = extent_of(lattice.bounds, offset, grid)
    if extent is None:
        return _nothing()
    return array_of(image)[slices_of(bounds_of(extent, offset), lattice.bounds)], extent.start


def segment_record(segmentation_node: Any, segment_id: str) -> SegmentRecord:
    """What a segment says of itself: name, structure, colour, codes, provenance.

    Raises:
        InputError: there is no such segment.
    """
    return record_of(_segment(segmentation_node, segment_id))


def mask_time(segmentation_node: Any, segment_id: str) -> int:
    """A number that is another whenever the mask of a segment may have changed; 0 where there is no segment."""
    segmentation = segmentation_node.GetSegmentation()
    segment = segmentation.GetSegment(segment_id)
    if segment is None:
        return 0
    source = segment.GetRepresentation(segmentation.GetSourceRepresentationName())
    parent = segmentation_node.GetParentTransformNode()
    place = (parent.GetID(), parent.GetTransformToWorldMTime()) if parent is not None else None
    return hash((source.GetMTime() if source is not None else 0, segment.GetLabelValue(), place))


def _segment(segmentation_node: Any, segment_id: str) -> Any:
    segment = segmentation_node.GetSegmentation().GetSegment(segment_id)
    if segment is None:
        raise InputError(f"{segmentation_node.GetName()} has no such segment any more: choose another.")
    return segment


def labelmap_of_segment(segmentation_node: Any, segment_id: str, volume_node: Any, grid: Grid) -> tuple[Any, int]:
    """vtkOrientedImageData that holds a segment, None for an empty one, and the value that it has there.

    Raises:
        InputError: there is no such segment, or no way from its representation to voxels.
    """
    segment = _segment(segmentation_node, segment_id)
    if not has_labelmaps(segmentation_node):
        segment = converted_segment(segmentation_node, segment_id, volume_node, grid)
    return segment.GetRepresentation(BINARY_LABELMAP), segment.GetLabelValue()


def _resampled(image: Any, transform: Any, grid: Grid) -> tuple[np.ndarray, Index]:
    target = lattice_of_grid(grid)
    bounds = common_bounds(covered_bounds(lattice_of_image(image), target, transform), target.bounds)
    if is_empty(bounds):
        return _nothing()
    return array_of(resample(image, target, bounds, transform)), (bounds[0], bounds[2], bounds[4])


def _nothing() -> tuple[np.ndarray, Index]:
    return np.zeros((0, 0, 0), dtype=np.uint8), EMPTY_EXTENT.start
