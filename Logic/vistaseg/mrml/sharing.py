"""Segments that share a label map."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import vtk

from vistaseg.geometry.box import VoxelBox
from vistaseg.mrml.cropping import box_of_value
from vistaseg.mrml.geometry import BINARY_LABELMAP, array_of, lattice_of_image


def shared_labelmaps(segmentation_node: Any) -> list[tuple[Any, dict[str, int]]]:
    """Label maps that hold several segments, each with the ids of these and the values they are drawn with."""
    segmentation = segmentation_node.GetSegmentation()
    layers: dict[str, tuple[Any, dict[str, int]]] = {}
    for segment_id in segmentation.GetSegmentIDs():
        segment = segmentation.GetSegment(segment_id)
        image = segment.GetRepresentation(BINARY_LABELMAP)
        if image is not None:
            _, values = layers.setdefault(image.GetAddressAsString(""), (image, {}))
            values[segment_id] = segment.GetLabelValue()
    return [(image, values) for image, values in layers.values() if len(values) > 1]


def isolate_segment(segmentation_node: Any, segment_id: str) -> None:
    """Give a segment that shares its label map one of its own, as large as its content; no mask changes.

    Writing then touches no other segment, takes no longer than the segment is large, and what is kept for undo
    stays small. `vtkSegmentation.SeparateSegmentLabelmap` does the same with copies of all that is shared.
    """
    before = segmentation_node.StartModify()
    take_out(segmentation_node.GetSegmentation(), segment_id, box_of_value)
    segmentation_node.EndModify(before)


def take_out(segmentation: Any, segment_id: str, find: Callable[[np.ndarray, int], VoxelBox]) -> None:
    """Give a segment of a vtkSegmentation a label map of its own, if it shares one.

    Args:
        find: gives the box of a label map that a value lies in, as `box_of_value` does.
    """
    if not shares_labelmap(segmentation, segment_id):
        return
    _move_out(segmentation.GetSegment(segment_id), find)
    segmentation.InvokeEvent(segmentation.SourceRepresentationModified, segment_id)
    segmentation.InvokeEvent(segmentation.RepresentationModified, segment_id)


def shares_labelmap(segmentation: Any, segment_id: str) -> bool:
    """Whether other segments are in the label map of a segment."""
    others: list[str] = []  # `IsSharedBinaryLabelmap` says the contrary of its name in Slicer 5.12 and 5.13
    segmentation.GetSegmentIDsSharingBinaryLabelmapRepresentation(segment_id, others, False)
    return bool(others)


def release_labelmaps(segmentation_node: Any) -> None:
    """Let go of all masks of a node that is about to be removed from its scene.

    `vtkSegmentation` takes each segment out of a shared label map before it removes it, which for a hundred
    segments of a CT takes a minute, as a node goes or a scene is closed. Segments without label maps go at once.
    """
    segmentation = segmentation_node.GetSegmentation()
    before = segmentation_node.StartModify()
    for segment_id in segmentation.GetSegmentIDs():
        segmentation.GetSegment(segment_id).RemoveRepresentation(BINARY_LABELMAP)
    segmentation_node.EndModify(before)


def _move_out(segment: Any, find: Callable[[np.ndarray, int], VoxelBox]) -> None:
    shared, value = segment.GetRepresentation(BINARY_LABELMAP), segment.GetLabelValue()
    labels, lattice = array_of(shared), lattice_of_image(shared)
    box = find(labels, value)
    content = labels[box.slices_kji]
    mask = content == value
    own = lattice.image(box.shifted(lattice.box.start))
    own.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    if mask.size:
        np.copyto(array_of(own), mask, casting="unsafe")
        np.copyto(content, 0, where=mask)
    # Not `shared.Modified()`: it would drop the surfaces of all segments, though none has changed.
    shared.GetPointData().GetScalars().Modified()
    segment.SetLabelValue(1)
    segment.AddRepresentation(BINARY_LABELMAP, own)
