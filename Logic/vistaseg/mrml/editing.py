"""Changes of one segment under the rules of the Segment Editor: masking, overwriting, undo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import slicer

from vistaseg.errors import InputError
from vistaseg.mrml.volumes import is_in_scene
from vistaseg.mrml.writing import labelmap_of
from vistaseg.segmentation import Extent
from vistaseg.segmentation.model import Mask


@dataclass(frozen=True, eq=False)
class Change:
    """What a segment gains and loses.

    Attributes:
        added: bool, (k, j, i), of `extent` only.
        removed: likewise.
        extent: a box on the grid of the volume.
    """

    added: Mask
    removed: Mask
    extent: Extent


class SegmentEditing:
    """Writes changes as the Segment Editor does.

    Args:
        segmentation_node: whose segments are changed.
        volume_node: whose grid the changes are on, and whose intensities a range of intensities speaks of.
        editor_node: the rules, a vtkMRMLSegmentEditorNode; without one there is no masking, and no other
            segment is overwritten.
    """

    def __init__(self, segmentation_node: Any, volume_node: Any, editor_node: Any = None) -> None:
        self._segmentation = segmentation_node
        self._volume = volume_node
        self._own_node = None if editor_node is not None else _new_editor_node(segmentation_node.GetScene())
        self._editor = editor_node or self._own_node
        self._logic = slicer.vtkSlicerSegmentEditorLogic()
        self._logic.SetMRMLScene(segmentation_node.GetScene())
        self._logic.SetSegmentEditorNode(self._editor)
        self._editor.SetAndObserveSegmentationNode(segmentation_node)
        self._editor.SetAndObserveSourceVolumeNode(volume_node)

    def apply(self, segment_id: str, change: Change) -> None:
        """Add and remove voxels of a segment, as far as the rules allow.

        Raises:
            InputError: the volume, the segmentation or the segment is gone.
        """
        self._check(segment_id)
        self._editor.SetSelectedSegmentID(segment_id)
        logic = self._logic
        modes = ((change.added, logic.ModificationModeAdd), (change.removed, logic.ModificationModeRemove))
        for mask, mode in modes:
            if mask.any():
                labelmap = labelmap_of(mask, change.extent, self._volume, self._segmentation)
                logic.ModifySegmentByLabelmap(self._segmentation, segment_id, labelmap, mode, False, False)

    def save_state(self) -> None:
        """Keep the segmentation as it is now for `undo`."""
        self._logic.SaveStateForUndo()

    def undo(self) -> None:
        """Go back to the state that was saved last."""
        self._logic.Undo()

    def redo(self) -> None:
        """Take an `undo` back."""
        self._logic.Redo()

    @property
    def can_undo(self) -> bool:
        """Whether there is a state to go back to."""
        return bool(self._logic.CanUndo())

    @property
    def can_redo(self) -> bool:
        """Whether there is an `undo` to take back."""
        return bool(self._logic.CanRedo())

    def close(self) -> None:
        """Let go of the nodes and forget the saved states."""
        self._logic.SetSegmentEditorNode(None)
        if self._own_node is not None and is_in_scene(self._own_node):
            self._own_node.GetScene().RemoveNode(self._own_node)

    def _check(self, segment_id: str) -> None:
        if not is_in_scene(self._segmentation) or not is_in_scene(self._volume):
            raise InputError("The volume or the segmentation was deleted: choose others.")
        if self._segmentation.GetSegmentation().GetSegment(segment_id) is None:
            raise InputError("The segment was deleted: choose another.")


def _new_editor_node(scene: Any) -> Any:
    node = scene.CreateNodeByClass("vtkMRMLSegmentEditorNode")
    node.UnRegister(None)
    node.SetHideFromEditors(True)
    node.SetSaveWithScene(False)
    node.SetOverwriteMode(node.OverwriteNone)
    return scene.AddNode(node)
