"""What a scene holds, what a removed node still has, and what the extension still observes: for tests."""

from __future__ import annotations

import gc
import traceback
from types import TracebackType
from typing import Any

import numpy as np
import slicer
from slicer.util import VTKObservationMixin

from vistaseg.mrml.geometry import array_of


def segment_voxels() -> dict[tuple[str, str], bytes]:
    """(Segmentation, segment) → `voxels_of`, for all of the scene."""
    return {
        (node.GetID(), segment_id): voxels_of(node, segment_id)
        for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
        for segment_id in node.GetSegmentation().GetSegmentIDs()
    }


def voxels_of(node: Any, segment_id: str) -> bytes:
    """The places (k, j, i) of what a segment holds, on its own grid; nothing where it is empty."""
    segment = node.GetSegmentation().GetSegment(segment_id)
    image = segment.GetRepresentation("Binary labelmap")
    if image is None or not image.GetNumberOfPoints():
        return b""
    extent = image.GetExtent()
    places = np.argwhere(array_of(image) == segment.GetLabelValue())
    return (places + [extent[4], extent[2], extent[0]]).astype(np.int32).tobytes() if len(places) else b""


def contents_of(node: Any) -> Any:
    """What a removed node still has."""
    if not node.IsA("vtkMRMLSegmentationNode"):
        return slicer.util.arrayFromVolume(node).tobytes()
    return [(each, voxels_of(node, each)) for each in node.GetSegmentation().GetSegmentIDs()]


def left_behind() -> list[str]:
    """Observers of the extension on nodes, or segmentations of nodes, that are not in the scene."""
    segmentations = {node.GetSegmentation() for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode")}
    found = []
    for each in [one for one in gc.get_objects() if isinstance(one, VTKObservationMixin)]:
        if not type(each).__module__.startswith(("VistaSegLib", "SegmentEditorVistaSegLib")):
            continue
        for observed, event, *_ in each.Observations:
            is_node = observed.IsA("vtkMRMLNode") and not slicer.mrmlScene.IsNodePresent(observed)
            is_segmentation = observed.IsA("vtkSegmentation") and observed not in segmentations
            if is_node or is_segmentation:
                found.append(f"{type(each).__name__}: {event} of {observed.GetClassName()}")
    return found


def is_ours(trace: TracebackType | None) -> bool:
    """Whether an error came through the extension or the engine; Slicer's own effects raise some after their editor."""
    return any("vistaseg" in frame.filename.lower() for frame in traceback.extract_tb(trace))
