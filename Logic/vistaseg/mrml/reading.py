"""Segments of a segmentation node as masks on the grid of a volume, whoever made them."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer

from vistaseg.errors import InputError
from vistaseg.mrml.geometry import (
    BINARY_LABELMAP,
    Lattice,
    array_of,
    as_bounds,
    extent_of,
    is_empty,
    lattice_of_grid,
    lattice_of_image,
    offset_between,
)
from vistaseg.mrml.resampling import common_bounds, covered_bounds, resample
from vistaseg.mrml.tags import SegmentRecord, record_of
from vistaseg.mrml.transforms import linear_part, transform_between
from vistaseg.segmentation import Extent, crop_to_content
from vistaseg.segmentation.model import EMPTY_EXTENT, Index, Mask
from vistaseg.volume import Grid

_NOTHING = np.zeros((0, 0, 0), dtype=np.uint8)


def read_mask(segmentation_node: Any, segment_id: str, volume_node: Any, grid: Grid) -> tuple[Mask, Extent]:
    """The mask of a segment on the grid of a volume, cropped to its content.

    Where the voxels of both are the same, nothing is resampled. Otherwise each voxel of the volume takes the
    value of the nearest of the segment's. A segment that is only a surface is converted for this reading alone.

    Args:
        grid: that of the volume, in its own coordinates.

    Returns:
        bool (k, j, i) of the extent, and the extent.

    Raises:
        InputError: there is no such segment, or no way from its representation to voxels.
    """
    image, value = labelmap_of_segment(segmentation_node, segment_id, volume_node, grid)
    labels, start = labels_on_grid(image, segmentation_node, volume_node, grid)
    return crop_to_content(labels == value, start)


def labels_on_grid(image: Any, segmentation_node: Any, volume_node: Any, grid: Grid) -> tuple[np.ndarray, Index]:
    """The values of a label map where it covers the grid of a volume, see `read_mask`; not copied where they need not.

    Args:
        image: vtkOrientedImageData in the coordinates of the segmentation node, or None.

    Returns:
        Unsigned integers (k, j, i), and the index (i, j, k) of the first on the grid.
    """
    if image is None or is_empty(as_bounds(image.GetExtent())):
        return _NOTHING, EMPTY_EXTENT.start
    lattice = lattice_of_image(image)
    offset = offset_between(lattice, segmentation_node, volume_node)
    if offset is None:
        return _resampled(image, transform_between(segmentation_node, volume_node), grid)
    extent = extent_of(lattice.bounds, offset, grid)
    if extent is None:
        return _NOTHING, EMPTY_EXTENT.start
    start = np.add(extent.start, offset) - lattice.bounds[::2]
    i, j, k = (slice(first, first + size) for first, size in zip(start, extent.shape_kji[::-1], strict=True))
    return array_of(image)[k, j, i], extent.start


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
    """The vtkOrientedImageData that has a segment, or None, and its value there; a surface is converted.

    Raises:
        InputError: there is no such segment, or no way from its representation to voxels.
    """
    segment = _segment(segmentation_node, segment_id)
    if segmentation_node.GetSegmentation().GetSourceRepresentationName() != BINARY_LABELMAP:
        segment = _converted(segmentation_node, segment_id, volume_node, grid)
    return segment.GetRepresentation(BINARY_LABELMAP), segment.GetLabelValue()


def _converted(segmentation_node: Any, segment_id: str, volume_node: Any, grid: Grid) -> Any:
    """A copy of a segment with a label map, on the voxels of the volume where that is possible."""
    source = segmentation_node.GetSegmentation()
    copy = slicer.vtkSegmentation()
    copy.SetSourceRepresentationName(source.GetSourceRepresentationName())
    copy.CopyConversionParameters(source)
    to_segmentation = linear_part(transform_between(volume_node, segmentation_node))
    if to_segmentation is not None:
        _set_geometry(copy, to_segmentation @ grid.ijk_to_ras, grid)
    copy.CopySegmentFromSegmentation(source, segment_id)
    if not copy.CreateRepresentation(BINARY_LABELMAP):
        name = source.GetSegment(segment_id).GetName()
        raise InputError(f"{name} cannot be converted to voxels: create its binary label map in Segmentations first.")
    return copy.GetSegment(segment_id)


def _set_geometry(segmentation: Any, matrix: np.ndarray, grid: Grid) -> None:
    converter = slicer.vtkSegmentationConverter
    image = Lattice(matrix, lattice_of_grid(grid).bounds).image()
    segmentation.SetConversionParameter(
        converter.GetReferenceImageGeometryParameterName(), converter.SerializeImageGeometry(image)
    )


def _resampled(image: Any, transform: Any, grid: Grid) -> tuple[np.ndarray, Index]:
    target = lattice_of_grid(grid)
    bounds = common_bounds(covered_bounds(lattice_of_image(image), target, transform), target.bounds)
    if is_empty(bounds):
        return _NOTHING, EMPTY_EXTENT.start
    return array_of(resample(image, target, bounds, transform)), (bounds[0], bounds[2], bounds[4])
