"""Segments of a segmentation node as masks on the grid of a volume, from VistaSeg or elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import vtk

from vistaseg.errors import InputError
from vistaseg.geometry.box import EMPTY_BOX, Index, VoxelBox
from vistaseg.geometry.grid import Grid
from vistaseg.masks.boxed import BoxedMask
from vistaseg.mrml.converting import converted_segment, has_labelmaps
from vistaseg.mrml.cropping import crop_to_value
from vistaseg.mrml.dicom_images import instance_uids_of
from vistaseg.mrml.geometry import (
    BINARY_LABELMAP,
    Offset,
    array_of,
    has_voxels,
    lattice_of_grid,
    lattice_of_image,
    offset_between,
)
from vistaseg.mrml.resampling import covered_box, resample
from vistaseg.mrml.tags import SegmentRecord, record_of
from vistaseg.mrml.transforms import linear_part, matrix_from_array, transform_between
from vistaseg.segmentation.tags import IMPORTED

_SLICES_AT_ONCE = 8
"""VTK keeps Python's lock while it resamples, and the main thread waits for that as long."""


@dataclass(frozen=True, eq=False)
class LabelmapPlacement:
    """How the voxels of a label map lie to those of a volume.

    Attributes:
        grid: of the volume.
        offset: what is added to an index of the volume to get that of the label map; None where the voxels differ.
        transform: from the coordinates of the label map to those of the volume, where the voxels differ. One that is
            linear belongs to no node, and may be used in any thread.
        bends: whether it is not linear.
    """

    grid: Grid
    offset: Offset | None
    transform: Any = None
    bends: bool = False

    def labels(self, image: Any) -> tuple[np.ndarray, Index]:
        """The values of the label map where it covers the grid; not copied where they need not.

        Args:
            image: vtkOrientedImageData, or None.

        Returns:
            Unsigned integers (k, j, i), and the index (i, j, k) of the first on the grid.
        """
        if not has_voxels(image):
            return _nothing()
        if self.offset is None:
            return _resampled(image, self.transform, self.grid)
        own = lattice_of_image(image).box.relative_to(self.offset)
        box = own.intersection(VoxelBox.whole(self.grid.shape_ijk))
        if box.empty:
            return _nothing()
        return array_of(image)[box.relative_to(own.start).slices_kji], box.start


def placement_of(image: Any, segmentation_node: Any, volume_node: Any, grid: Grid) -> LabelmapPlacement:
    """How a label map of a segmentation node lies to the voxels of a volume.

    Args:
        image: vtkOrientedImageData in the coordinates of the segmentation node, or None.
        grid: that of the volume, in its own coordinates.
    """
    if not has_voxels(image):
        return LabelmapPlacement(grid, (0, 0, 0))
    offset = offset_between(lattice_of_image(image), segmentation_node, volume_node)
    if offset is not None:
        return LabelmapPlacement(grid, offset)
    transform = transform_between(segmentation_node, volume_node)
    matrix = linear_part(transform)
    if matrix is None:
        return LabelmapPlacement(grid, None, transform, bends=True)
    linear = vtk.vtkTransform()
    linear.SetMatrix(matrix_from_array(matrix))
    return LabelmapPlacement(grid, None, linear)


def read_mask(segmentation_node: Any, segment_id: str, volume_node: Any, grid: Grid) -> BoxedMask:
    """The mask of a segment on the grid of a volume, cropped to its content.

    Where the voxels of both are the same, nothing is resampled. Otherwise each voxel of the volume takes the
    value of the nearest of the segment's. A segment that is only a surface is converted for this reading alone.

    Args:
        grid: that of the volume, in its own coordinates.

    Raises:
        InputError: the segment does not exist, or its representation cannot be converted to voxels.
    """
    image, value = labelmap_of_segment(segmentation_node, segment_id, volume_node, grid)
    labels, start = placement_of(image, segmentation_node, volume_node, grid).labels(image)
    return crop_to_value(labels, value, start)


def segment_record(segmentation_node: Any, segment_id: str) -> SegmentRecord:
    """What a segment says of itself: name, structure, colour, codes, provenance.

    Where nothing but Slicer's importer of DICOM segmentations says how it was made, the provenance says that, too.

    Raises:
        InputError: the segment does not exist.
    """
    record = record_of(_segment(segmentation_node, segment_id))
    names = {"algorithm_type", "algorithm_name"}
    if not instance_uids_of(segmentation_node) or not record.provenance or not record.provenance.keys() <= names:
        return record
    return replace(record, provenance={**record.provenance, IMPORTED: True})


def holds_voxels(segmentation_node: Any, segment_id: str) -> bool:
    """Whether anything is in a segment, wherever it lies; also in one that is a surface."""
    segment = _segment(segmentation_node, segment_id)
    if not has_labelmaps(segmentation_node):
        return segment.GetRepresentation(segmentation_node.GetSegmentation().GetSourceRepresentationName()) is not None
    image = segment.GetRepresentation(BINARY_LABELMAP)
    if not has_voxels(image):
        return False
    return bool((array_of(image) == segment.GetLabelValue()).any())


def mask_time(segmentation_node: Any, segment_id: str) -> int:
    """A number that is another whenever the mask of a segment may have changed; 0 without a segment."""
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
        InputError: the segment does not exist, or its representation cannot be converted to voxels.
    """
    segment = _segment(segmentation_node, segment_id)
    if not has_labelmaps(segmentation_node):
        segment = converted_segment(segmentation_node, segment_id, volume_node, grid)
    return segment.GetRepresentation(BINARY_LABELMAP), segment.GetLabelValue()


def _resampled(image: Any, transform: Any, grid: Grid) -> tuple[np.ndarray, Index]:
    target = lattice_of_grid(grid)
    box = covered_box(lattice_of_image(image), target, transform).intersection(target.box)
    if box.empty:
        return _nothing()
    labels = np.empty(box.shape_kji, dtype=array_of(image).dtype)
    (i, j, low), (to_i, to_j, high) = box.start, box.stop
    for k in range(low, high, _SLICES_AT_ONCE):
        part = VoxelBox((i, j, k), (to_i, to_j, min(k + _SLICES_AT_ONCE, high)))
        labels[k - low : part.stop[2] - low] = array_of(resample(image, target, part, transform))
    return labels, box.start


def _nothing() -> tuple[np.ndarray, Index]:
    return np.zeros((0, 0, 0), dtype=np.uint8), EMPTY_BOX.start
