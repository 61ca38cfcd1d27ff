"""Segmentations and segments that were made for a result which is still to come, and go where none comes.

It stands in attributes of the segmentation node, and so also in a scene that was saved while a job ran.
"""

from __future__ import annotations

from collections.abc import Callable

import slicer

SEGMENTATION = "VistaSeg.MadeForResult"
SEGMENTS = "VistaSeg.SegmentsWithoutAnswer"


def noteSegmentation(node) -> None:
    """It was made for a result; if none comes, it goes."""
    node.SetAttribute(SEGMENTATION, "1")


def noteSegment(node, segmentId: str) -> None:
    """It was made for the answer to a prompt; if none comes, it goes."""
    node.SetAttribute(SEGMENTS, "\n".join([*_segmentIds(node), segmentId]))


def tidy(removeSegmentation: Callable[[object], None]) -> None:
    """Nothing is on its way any more: take out of the scene what nothing came of.

    Args:
        removeSegmentation: takes a node without segments out of the scene.
    """
    for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
        for segmentId in _segmentIds(node):
            if _isUnused(node, segmentId):
                node.GetSegmentation().RemoveSegment(segmentId)
        isMade = node.GetAttribute(SEGMENTATION) is not None
        for name in (SEGMENTS, SEGMENTATION):
            if node.GetAttribute(name) is not None:
                node.RemoveAttribute(name)
        if isMade and node.GetSegmentation().GetNumberOfSegments() == 0:
            removeSegmentation(node)


def _segmentIds(node) -> list[str]:
    return (node.GetAttribute(SEGMENTS) or "").splitlines()


def _isUnused(node, segmentId: str) -> bool:
    """Whether the segment is there and has neither voxels nor prompts."""
    from vistaseg.mrml.reading import holds_voxels  # after the first prompt: the panel opens without it
    from vistaseg.mrml.tags import PROMPTS_TAG, read_tag

    segment = node.GetSegmentation().GetSegment(segmentId)
    return segment is not None and not read_tag(segment, PROMPTS_TAG) and not holds_voxels(node, segmentId)
