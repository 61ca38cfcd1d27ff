"""A segment for prompts, where there is none yet."""

from __future__ import annotations

from slicer.i18n import tr as _

from vistaseg import catalog
from vistaseg.masks.boxed import NO_VOXELS
from vistaseg.mrml.adding import add_segments
from vistaseg.mrml.volumes import volume_from_node
from vistaseg.prompts import Prompt, Text
from vistaseg.segmentation import Segment, Segmentation, distinct_color
from VistaSegLib.ClickKind import KNOWN_ORGAN, setKind


def addSegmentFor(selection, prompt: Prompt) -> tuple:
    """Add an empty segment, named after a text or numbered, and choose it; returns its segmentation and its id.

    What can fail comes before a segmentation is made.

    Raises:
        InputError: the volume or the segmentation cannot be used.
    """
    node, volume = selection.segmentationNode, selection.volumeNode
    grid = volume_from_node(volume).grid
    if node is not None:
        selection.editing.writer()
    number = 1 if node is None else node.GetSegmentation().GetNumberOfSegments() + 1
    segment = namedSegment(prompt.text) if isinstance(prompt, Text) else _numberedSegment(number)
    result = Segmentation(grid.shape_ijk, grid.ijk_to_ras, [segment])
    (segmentId,) = add_segments(selection.requireSegmentationNode(), result, volume)
    if selection.parameters.knownOrgan:
        setKind(selection.segmentationNode, segmentId, KNOWN_ORGAN)
    selection.segmentId = segmentId
    return selection.segmentationNode, segmentId


def _numberedSegment(number: int) -> Segment:
    name = _("object {number}").format(number=number)
    return _segment(name, None, distinct_color(number), None)


def namedSegment(text: str) -> Segment:
    """With the name, colour and codes of the structure that is meant, if one is; else with the text as its name."""
    structure = catalog.by_name(text)
    if structure is None:
        return _segment(text, None, distinct_color(len(text)), None)
    return _segment(structure.name, structure.id, structure.color, structure.terminology)


def _segment(name: str, structureId: int | None, color, terminology) -> Segment:
    return Segment(name, 1, structureId, color, terminology, NO_VOXELS)
