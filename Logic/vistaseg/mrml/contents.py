"""What a segment holds: its label map and what VistaSeg noted, taken and given as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vistaseg.mrml.geometry import BINARY_LABELMAP
from vistaseg.mrml.tags import own_tags, set_own_tags


@dataclass(frozen=True, eq=False)
class SegmentContent:
    """What a segment holds at one moment, not copied.

    Attributes:
        image: its label map, None where it has none.
        value: that it is drawn with.
        time: modification time of the label map.
        tags: what VistaSeg noted.
    """

    image: Any
    value: int
    time: int
    tags: Mapping[str, str]


def content_of(vtk_segment: Any) -> SegmentContent:
    """What a vtkSegment holds now."""
    image = vtk_segment.GetRepresentation(BINARY_LABELMAP)
    # Not that of its array: Slicer's own tools change voxels in place, and only the image is then modified.
    time = 0 if image is None else image.GetMTime()
    return SegmentContent(image, vtk_segment.GetLabelValue(), time, own_tags(vtk_segment))


def put_content(vtk_segment: Any, content: SegmentContent) -> None:
    """Let a vtkSegment hold this."""
    if content.image is None:
        vtk_segment.RemoveRepresentation(BINARY_LABELMAP)
    else:
        vtk_segment.AddRepresentation(BINARY_LABELMAP, content.image)
    vtk_segment.SetLabelValue(content.value)
    set_own_tags(vtk_segment, content.tags)


def tell_changed(segmentation_node: Any, segment_id: str) -> None:
    """Have views draw a segment anew whose label map is another one."""
    segmentation = segmentation_node.GetSegmentation()
    segmentation.InvokeEvent(segmentation.SourceRepresentationModified, segment_id)
    segmentation.InvokeEvent(segmentation.RepresentationModified, segment_id)
