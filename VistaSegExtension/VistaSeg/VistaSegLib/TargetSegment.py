"""The segment that prompts change."""

from __future__ import annotations

import slicer

from vistaseg.mrml.volumes import grid_of
from vistaseg.workspace import Target


def currentTarget(selection) -> Target | None:
    """The chosen segment of the chosen volume and segmentation; None where one of them is missing."""
    volume, segmentation, segmentId = selection.volumeNode, selection.segmentationNode, selection.segmentId
    if volume is None or segmentation is None or not segmentId:
        return None
    return Target(volume.GetID(), segmentation.GetID(), segmentId)


def isEmpty(target: Target) -> bool:
    """Whether the segment has no voxel in its volume; also where it or its volume is gone."""
    volume = slicer.mrmlScene.GetNodeByID(target.volume_id)
    if volume is None or target.segment(slicer.mrmlScene) is None:
        return True
    from vistaseg.mrml.reading import read_mask  # after the first prompt: the panel opens without it

    node = target.segmentation(slicer.mrmlScene)
    return read_mask(node, target.segment_id, volume, grid_of(volume))[1].empty


def remove(target: Target) -> None:
    """Take the segment out of its segmentation, if both are there."""
    node = target.segmentation(slicer.mrmlScene)
    if node is not None:
        node.GetSegmentation().RemoveSegment(target.segment_id)
