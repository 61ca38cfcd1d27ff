"""Changes of one segment under the rules of the Segment Editor: masking, overwriting, undo."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer

from vistaseg.errors import InputError
from vistaseg.mrml.converting import require_labelmaps
from vistaseg.mrml.geometry import array_of, lattice_of_image
from vistaseg.mrml.intensities import intensities_on
from vistaseg.mrml.masking import Rules, editable, in_range, rules_of
from vistaseg.mrml.overwriting import give_way
from vistaseg.mrml.reference import require_room
from vistaseg.mrml.removing import quick_removals
from vistaseg.mrml.sharing import isolate_segment
from vistaseg.mrml.volumes import is_in_scene
from vistaseg.mrml.writing import labelmap_of
from vistaseg.segmentation import Extent
from vistaseg.segmentation.model import Mask

_UNDO_BYTES = 2**30
_FEWEST_STATES, _MOST_STATES = 3, 10


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
    """Writes changes of segments by the rules of the Segment Editor.

    Args:
        segmentation_node: whose segments are changed.
        volume_node: whose grid the changes are on, and whose intensities a range of intensities speaks of.
        editor_node: where the rules stand, a vtkMRMLSegmentEditorNode, which is only read; without one there is
            no masking, and no other segment is overwritten.

    Raises:
        InputError: the segmentation keeps its segments as surfaces, see `use_labelmaps`; or it cannot be made large
            enough for the volume.
    """

    def __init__(self, segmentation_node: Any, volume_node: Any, editor_node: Any = None) -> None:
        require_labelmaps(segmentation_node)
        require_room(segmentation_node, volume_node)
        self._segmentation = segmentation_node
        self._volume = volume_node
        self._rules_node = editor_node
        self._editor = _new_editor_node(segmentation_node.GetScene())
        self._logic = slicer.vtkSlicerSegmentEditorLogic()
        self._logic.SetMRMLScene(segmentation_node.GetScene())
        self._logic.SetSegmentEditorNode(self._editor)
        segmentation_node.CreateDefaultDisplayNodes()
        self._editor.SetAndObserveSegmentationNode(segmentation_node)
        self._editor.SetAndObserveSourceVolumeNode(volume_node)

    def apply(self, segment_id: str, change: Change) -> None:
        """Add and remove voxels of a segment, as far as the rules allow.

        Raises:
            InputError: the volume, the segmentation or the segment is gone, or the rules name a segment that is.
        """
        self._check(segment_id)
        rules = rules_of(self._rules_node or self._editor)
        isolate_segment(self._segmentation, segment_id)
        for labelmap, removing in allowed_parts(change, self._segmentation, segment_id, self._volume, rules):
            mode = self._logic.ModificationModeRemove if removing else self._logic.ModificationModeAdd
            done = not removing and give_way(self._segmentation, segment_id, labelmap, rules)
            self._editor.SetOverwriteMode(self._editor.OverwriteNone if done else rules.overwrite_mode)
            self._logic.ModifySegmentByLabelmap(self._segmentation, segment_id, labelmap, mode, False, False)

    def save_state(self) -> None:
        """Keep the segmentation as it is now for `undo`.

        Ten states are kept, as the Segment Editor does; of large segmentations fewer, but at least three, so that
        they stay below 1 GiB even if nothing of them is shared.
        """
        fitting = _UNDO_BYTES // max(_size(self._segmentation), 1)
        self._logic.SetMaximumNumberOfUndoStates(int(np.clip(fitting, _FEWEST_STATES, _MOST_STATES)))
        self._logic.SaveStateForUndo()

    def undo(self) -> None:
        """Go back to the state that was saved last."""
        with quick_removals(self._segmentation):
            self._logic.Undo()

    def redo(self) -> None:
        """Take an `undo` back."""
        with quick_removals(self._segmentation):
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
        self._logic.SetMRMLScene(None)
        if is_in_scene(self._editor):
            self._editor.GetScene().RemoveNode(self._editor)

    def _check(self, segment_id: str) -> None:
        if not is_in_scene(self._segmentation) or not is_in_scene(self._volume):
            raise InputError("The volume or the segmentation was deleted: choose others.")
        if self._segmentation.GetSegmentation().GetSegment(segment_id) is None:
            raise InputError("The segment was deleted: choose another.")


def allowed_parts(
    change: Change, segmentation_node: Any, segment_id: str, volume_node: Any, rules: Rules
) -> Iterator[tuple[Any, bool]]:
    """What the rules allow of a change: (vtkOrientedImageData of 0 and 1, whether it is removed), nothing empty.

    What is yielded second knows what has become of the first.

    Raises:
        InputError: the rules name a segment that is gone.
    """
    for mask, removing in ((change.added, False), (change.removed, True)):
        if not mask.any():
            continue
        labelmap = labelmap_of(mask, change.extent, volume_node, segmentation_node)
        lattice = lattice_of_image(labelmap)
        voxels = array_of(labelmap)
        if rules.intensities is not None:
            voxels[~in_range(intensities_on(volume_node, change.extent, lattice, segmentation_node), rules)] = 0
        allowed = editable(segmentation_node, segment_id, rules, lattice, lattice.bounds, removing)
        if allowed is not None:
            voxels[~allowed] = 0
        if voxels.any():
            yield labelmap, removing


def _size(segmentation_node: Any) -> int:
    """Bytes of all label maps of a node."""
    segmentation = segmentation_node.GetSegmentation()
    layers = (segmentation.GetLayerDataObject(n) for n in range(segmentation.GetNumberOfLayers()))
    return sum(int(layer.GetActualMemorySize()) for layer in layers) * 1024


def _new_editor_node(scene: Any) -> Any:
    node = scene.CreateNodeByClass("vtkMRMLSegmentEditorNode")
    node.UnRegister(None)
    node.SetHideFromEditors(True)
    node.SetSaveWithScene(False)
    node.SetOverwriteMode(node.OverwriteNone)
    return scene.AddNode(node)
