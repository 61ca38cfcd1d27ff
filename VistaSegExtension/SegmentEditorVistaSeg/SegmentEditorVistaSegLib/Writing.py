"""Writes answers through the effect, and so under all rules of the editor: masking, overwriting, undo."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import slicer
from slicer.i18n import tr as _

from vistaseg.errors import InputError
from vistaseg.mrml.editing import Change
from vistaseg.mrml.writing import labelmap_of
from vistaseg.workspace import Target


class EffectWriter:
    """The writer of one segment.

    Args:
        scriptedEffect: of the editor that the prompts came from.
        target: the segment.
    """

    def __init__(self, scriptedEffect, target: Target) -> None:
        self._effect, self._target = scriptedEffect, target

    def save_state(self) -> None:
        """Let the editor's undo take back what comes.

        Raises:
            InputError: the editor has another segmentation or volume by now.
        """
        node = self._effect.parameterSetNode()
        shown = (node.GetSegmentationNode(), node.GetSourceVolumeNode()) if node is not None else (None, None)
        if [each.GetID() if each is not None else None for each in shown] != [
            self._target.segmentation_id,
            self._target.volume_id,
        ]:
            raise InputError(
                _("The Segment Editor has another segmentation or volume now: nothing was written. Prompt again there.")
            )
        self._effect.saveStateForUndo()

    def apply(self, segment_id: str, change: Change) -> None:
        """Add and remove voxels of a segment, as far as the editor allows."""
        nodes = [slicer.mrmlScene.GetNodeByID(i) for i in (self._target.volume_id, self._target.segmentation_id)]
        effect = self._effect
        with _selected(effect.parameterSetNode(), segment_id):
            for mask, mode in (
                (change.added, effect.ModificationModeAdd),
                (change.removed, effect.ModificationModeRemove),
            ):
                if mask.any():
                    effect.modifySelectedSegmentByLabelmap(labelmap_of(mask, change.extent, *nodes), mode)


@contextmanager
def _selected(editorNode, segmentId: str) -> Iterator[None]:
    """Have a segment selected for a moment: the user may have gone on to another one since."""
    chosen = editorNode.GetSelectedSegmentID()
    modifying = editorNode.StartModify()
    editorNode.SetSelectedSegmentID(segmentId)
    try:
        yield
    finally:
        editorNode.SetSelectedSegmentID(chosen)
        editorNode.EndModify(modifying)
