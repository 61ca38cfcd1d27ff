"""The segment that prompts change, made where there is none yet."""

from __future__ import annotations

import numpy as np
import slicer
from slicer.i18n import tr as _

from vistaseg import catalog
from vistaseg.mrml.adding import add_segments
from vistaseg.mrml.reading import read_mask
from vistaseg.mrml.volumes import grid_of
from vistaseg.prompts import Prompt, Text
from vistaseg.segmentation import Segment, Segmentation, distinct_color
from vistaseg.segmentation.model import EMPTY_EXTENT
from vistaseg.workspace import Target


def currentTarget(selection) -> Target | None:
    """The chosen segment of the chosen volume and segmentation; None where one of them is missing."""
    volume, segmentation, segmentId = selection.volumeNode, selection.segmentationNode, selection.segmentId
    if volume is None or segmentation is None or not segmentId:
        return None
    return Target(volume.GetID(), segmentation.GetID(), segmentId)


def addSegmentFor(selection, prompt: Prompt) -> str:
    """Add an empty segment, named after a text or numbered, and choose it; returns its id."""
    node, volume = selection.requireSegmentationNode(), selection.volumeNode
    number = node.GetSegmentation().GetNumberOfSegments() + 1
    segment = _namedSegment(prompt.text) if isinstance(prompt, Text) else _numberedSegment(number)
    grid = grid_of(volume)
    (segmentId,) = add_segments(node, Segmentation(grid.shape_ijk, grid.ijk_to_ras, [segment]), volume)
    selection.segmentId = segmentId
    return segmentId


def isEmpty(target: Target) -> bool:
    """Whether the segment has no voxel in its volume; also where it or its volume is gone."""
    volume = slicer.mrmlScene.GetNodeByID(target.volume_id)
    if volume is None or target.segment(slicer.mrmlScene) is None:
        return True
    node = target.segmentation(slicer.mrmlScene)
    return read_mask(node, target.segment_id, volume, grid_of(volume))[1].empty


def remove(target: Target) -> None:
    """Take the segment out of its segmentation, if both are there."""
    node = target.segmentation(slicer.mrmlScene)
    if node is not None:
        node.GetSegmentation().RemoveSegment(target.segment_id)


def _numberedSegment(number: int) -> Segment:
    name = _("object {number}").format(number=number)
    return _segment(name, None, distinct_color(number), None)


def _namedSegment(text: str) -> Segment:
    """With the name, colour and codes of the structure that is meant, if one is; else with the text as its name."""
    structure = catalog.by_name(text)
    if structure is None:
        return _segment(text, None, distinct_color(len(text)), None)
    return _segment(structure.name, structure.id, structure.color, structure.terminology)


def _segment(name: str, structureId: int | None, color, terminology) -> Segment:
    nothing = np.zeros((0, 0, 0), dtype=bool)
    return Segment(name, 1, structureId, color, terminology, nothing, EMPTY_EXTENT)
