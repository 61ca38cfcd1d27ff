"""Writes answers through the effect, and so under all rules of the editor: masking, overwriting, undo."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import slicer
from slicer.i18n import tr as _

from SegmentEditorVistaSegLib.Choice import segmentationOf, volumeOf
from vistaseg.errors import InputError
from vistaseg.masks.boxed import MaskChange
from vistaseg.mrml.converting import require_labelmaps
from vistaseg.mrml.editing import allowed_parts
from vistaseg.mrml.masking import rules_of
from vistaseg.mrml.overwriting import give_way
from vistaseg.mrml.sharing import isolate_segment
from vistaseg.workspace import SegmentReference

INSIDE_ONE = slicer.vtkMRMLSegmentationNode.EditAllowedInsideSingleSegment
EVERYWHERE = slicer.vtkMRMLSegmentationNode.EditAllowedEverywhere


class EffectWriter:
    """The writer of one segment.

    Args:
        scriptedEffect: of the editor that the prompts came from.
        target: the segment.
    """

    def __init__(self, scriptedEffect, target: SegmentReference) -> None:
        self._effect, self._target = scriptedEffect, target

    @property
    def masking(self) -> bool:
        """Whether the editor allows changes in some places alone."""
        return rules_of(self._effect.parameterSetNode()).masking

    @contextmanager
    def step(self) -> Iterator[None]:
        """Let the editor's undo take back at once what is done meanwhile.

        Raises:
            InputError: the editor has another segmentation or volume by now.
        """
        node = self._effect.parameterSetNode()
        chosen = (node.GetSegmentationNode(), node.GetSourceVolumeNode()) if node is not None else ()
        ids = [each.GetID() for each in chosen if each is not None]
        if ids != [self._target.segmentation_id, self._target.volume_id]:
            raise InputError(
                _("The Segment Editor has another segmentation or volume now: nothing was written. Prompt again there.")
            )
        require_labelmaps(segmentationOf(self._target))
        self._effect.saveStateForUndo()
        yield

    def apply(self, segment_id: str, change: MaskChange) -> None:
        """Add and remove voxels of a segment, as far as the editor allows.

        Raises:
            InputError: the editor allows changes only inside a segment that is gone.
        """
        effect, node = self._effect, self._effect.parameterSetNode()
        segmentation, rules = segmentationOf(self._target), rules_of(node)
        isolate_segment(segmentation, segment_id)
        for labelmap, removing in allowed_parts(change, segmentation, segment_id, volumeOf(self._target), rules):
            # What is removed inside one segment goes back to that: the editor does it where it masks by itself.
            masked = removing and rules.mask_mode == INSIDE_ONE
            overwriting = removing or not give_way(segmentation, segment_id, labelmap, rules)
            with _settings(node, segment_id, masked, overwriting):
                mode = effect.ModificationModeRemove if removing else effect.ModificationModeAdd
                effect.modifySelectedSegmentByLabelmap(labelmap, mode)


@contextmanager
def _settings(node, segmentId: str, masked: bool, overwriting: bool) -> Iterator[None]:
    """Have a segment selected for a moment, because the user may have gone on to another one since.

    What is done already, masking or overwriting, the editor need not do again: with many segments masking takes it
    half a minute.
    """
    chosen, mode, ranged = node.GetSelectedSegmentID(), node.GetMaskMode(), node.GetSourceVolumeIntensityMask()
    overwrite = node.GetOverwriteMode()
    modifying = node.StartModify()
    node.SetSelectedSegmentID(segmentId)
    if not masked:
        node.SetMaskMode(EVERYWHERE)
        node.SetSourceVolumeIntensityMask(False)
    if not overwriting:
        node.SetOverwriteMode(node.OverwriteNone)
    try:
        yield
    finally:
        node.SetSelectedSegmentID(chosen)
        node.SetMaskMode(mode)
        node.SetSourceVolumeIntensityMask(ranged)
        node.SetOverwriteMode(overwrite)
        node.EndModify(modifying)
