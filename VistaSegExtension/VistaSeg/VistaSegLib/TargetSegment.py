"""The segment that prompts change."""

from __future__ import annotations

from vistaseg.workspace import Target


def currentTarget(selection) -> Target | None:
    """The chosen segment of the chosen volume and segmentation; None where one of them is missing."""
    volume, segmentation, segmentId = selection.volumeNode, selection.segmentationNode, selection.segmentId
    if volume is None or segmentation is None or not segmentId:
        return None
    return Target(volume.GetID(), segmentation.GetID(), segmentId)
