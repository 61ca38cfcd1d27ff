"""Segments that share a label map."""

from __future__ import annotations

from typing import Any

import numpy as np
import vtk

from vistaseg.mrml.cropping import crop_to_value
from vistaseg.mrml.geometry import BINARY_LABELMAP, array_of, bounds_of, lattice_of_image
from vistaseg.segmentation import Extent


def isolate_segment(segmentation_node: Any, segment_id: str) -> None:
    """Give a segment that shares its label map one of its own, as large as its content; no mask changes.

    Writing then touches no other segment, takes no longer than the segment is large, and what is kept for undo
    stays small. `vtkSegmentation.SeparateSegmentLabelmap` does the same with copies of all that is shared.
    """
    segmentation = segmentation_node.GetSegmentation()
    others: list[str] = []  # `IsSharedBinaryLabelmap` says the contrary of its name in Slicer 5.12 and 5.13
    segmentation.GetSegmentIDsSharingBinaryLabelmapRepresentation(segment_id, others, False)
    if not others:
        return
    before = segmentation_node.StartModify()
    _move_out(segmentation.GetSegment(segment_id))
    segmentation.InvokeEvent(segmentation.SourceRepresentationModified, segment_id)
    segmentation.InvokeEvent(segmentation.RepresentationModified, segment_id)
    segmentation_node.EndModify(before)


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


def _move_out(segment: Any) -> None:
    shared = segment.GetRepresentation(BINARY_LABELMAP)
    labels, lattice, value = array_of(shared), lattice_of_image(shared), segment.GetLabelValue()
    mask, extent = crop_to_value(labels, value, (0, 0, 0))
    origin = lattice.bounds[0], lattice.bounds[2], lattice.bounds[4]
    own = lattice.image(bounds_of(extent, origin))
    own.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    if not extent.empty:
        np.copyto(array_of(own), mask, casting="unsafe")
        _erase(labels, extent, value)
    # Not `shared.Modified()`: it would drop the surfaces of all segments, though none has changed.
    shared.GetPointData().GetScalars().Modified()
    segment.SetLabelValue(1)
    segment.AddRepresentation(BINARY_LABELMAP, own)


def _erase(labels: np.ndarray, extent: Extent, value: int) -> None:
    box = labels[extent.slices]
    box[box == value] = 0
