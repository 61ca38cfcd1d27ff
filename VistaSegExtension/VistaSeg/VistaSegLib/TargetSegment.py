"""The segment that prompts change."""

from __future__ import annotations

from vistaseg.workspace import SegmentReference


def currentTarget(selection) -> SegmentReference | None:
    """The chosen segment of the chosen volume and segmentation; None where one of them is missing."""
    volume, segmentation, segmentId = selection.volumeNode, selection.segmentationNode, selection.segmentId
    if volume is None or segmentation is None or not segmentId:
        return None
    return SegmentReference(volume.GetID(), segmentation.GetID(), segmentId)
