"""A segment that is worked on, by the ids of its nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class SegmentReference:
    """A segment and the volume that it is segmented in.

    Attributes:
        volume_id: id of the volume's MRML node.
        segmentation_id: id of the segmentation's MRML node.
        segment_id: id of the segment within the segmentation.
    """

    volume_id: str
    segmentation_id: str
    segment_id: str

    @property
    def key(self) -> str:
        """Name of the segment in a session."""
        return f"{self.segmentation_id}/{self.segment_id}"

    def segmentation(self, scene: Any) -> Any:
        """The segmentation node, or None where it is gone."""
        return scene.GetNodeByID(self.segmentation_id)

    def segment(self, scene: Any) -> Any:
        """The vtkSegment, or None where it is gone."""
        node = self.segmentation(scene)
        return None if node is None else node.GetSegmentation().GetSegment(self.segment_id)
