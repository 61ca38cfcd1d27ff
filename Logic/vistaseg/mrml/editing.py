"""Changes of one segment under the rules of the Segment Editor: masking, overwriting, undo."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import slicer

from vistaseg.errors import InputError
from vistaseg.masks.boxed import MaskChange
from vistaseg.mrml.converting import require_labelmaps
from vistaseg.mrml.geometry import array_of, lattice_of_image
from vistaseg.mrml.intensities import intensities_on
from vistaseg.mrml.masking import Rules, editable, in_range, rules_of
from vistaseg.mrml.overwriting import give_way, overwritten
from vistaseg.mrml.reference import require_room
from vistaseg.mrml.sharing import isolate_segment
from vistaseg.mrml.steps import Steps
from vistaseg.mrml.volumes import is_in_scene
from vistaseg.mrml.writing import labelmap_of


def _nothing() -> None:
    """Nobody else keeps states."""


class SegmentEditing:
    """Writes changes of segments by the rules of the Segment Editor.

    Args:
        segmentation_node: whose segments are changed.
        volume_node: whose grid the changes are on, and whose intensities a range of intensities speaks of.
        editor_node: where the rules stand, a vtkMRMLSegmentEditorNode, which is only read; without one there is
            no masking, and no other segment is overwritten.
        save_elsewhere: called before each step, undo and redo: another editor of the segmentation, which keeps whole
            states, is to keep one, so that its undo takes back one step at a time.

    Raises:
        InputError: the segmentation keeps its segments as surfaces, see `use_labelmaps`; or it cannot be made large
            enough for the volume.
    """

    def __init__(
        self,
        segmentation_node: Any,
        volume_node: Any,
        editor_node: Any = None,
        save_elsewhere: Callable[[], None] = _nothing,
    ) -> None:
        require_labelmaps(segmentation_node)
        require_room(segmentation_node, volume_node)
        self._segmentation = segmentation_node
        self._volume = volume_node
        self._rules_node, self._save_elsewhere = editor_node, save_elsewhere
        self._steps = Steps(segmentation_node, volume_node, self._write)
        self._editor = _new_editor_node(segmentation_node.GetScene())
        self._logic = slicer.vtkSlicerSegmentEditorLogic()
        self._logic.SetMRMLScene(segmentation_node.GetScene())
        self._logic.SetSegmentEditorNode(self._editor)
        segmentation_node.CreateDefaultDisplayNodes()
        self._editor.SetAndObserveSegmentationNode(segmentation_node)
        self._editor.SetAndObserveSourceVolumeNode(volume_node)

    @property
    def masking(self) -> bool:
        """Whether the rules allow changes in some places alone."""
        return rules_of(self._rules_node or self._editor).masking

    @contextmanager
    def step(self) -> Iterator[None]:
        """Make one step for `undo` of what is done to the segmentation meanwhile.

        Raises:
            InputError: the volume or the segmentation is gone, or the segments are surfaces by now.
        """
        self._check()
        self._save_elsewhere()
        with self._steps.recording():
            yield

    def apply(self, segment_id: str, change: MaskChange) -> None:
        """Add and remove voxels of a segment, as far as the rules allow.

        Raises:
            InputError: the volume, the segmentation or the segment is gone, the segments are surfaces by now, or the
                rules name a segment that is gone.
        """
        self._check(segment_id)
        rules = rules_of(self._rules_node or self._editor)
        isolate_segment(self._segmentation, segment_id)
        for labelmap, removing in allowed_parts(change, self._segmentation, segment_id, self._volume, rules):
            others = set() if removing else overwritten(self._segmentation, segment_id, rules)
            self._steps.edits({segment_id, *others}, labelmap)
            mode = self._logic.ModificationModeRemove if removing else self._logic.ModificationModeAdd
            done = not removing and give_way(self._segmentation, segment_id, labelmap, rules)
            self._editor.SetOverwriteMode(self._editor.OverwriteNone if done else rules.overwrite_mode)
            self._logic.ModifySegmentByLabelmap(self._segmentation, segment_id, labelmap, mode, False, False)

    def undo(self) -> str:
        """Take the last step back, and nothing that others have done since; returns a sentence on these, or nothing.

        Raises:
            InputError: that is impossible by now.
        """
        return self._go(self._steps.undo) if self.can_undo else ""

    def redo(self) -> str:
        """Do the step again that was taken back last; as `undo`."""
        return self._go(self._steps.redo) if self.can_redo else ""

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return self._steps.can_undo

    @property
    def can_redo(self) -> bool:
        """Whether there is an `undo` to take back."""
        return self._steps.can_redo

    def close(self) -> None:
        """Let go of the nodes and forget the steps."""
        self._logic.SetSegmentEditorNode(None)
        self._logic.SetMRMLScene(None)
        if is_in_scene(self._editor):
            self._editor.GetScene().RemoveNode(self._editor)

    def _go(self, go: Callable[[], str]) -> str:
        self._check()
        self._save_elsewhere()
        return go()

    def _check(self, segment_id: str | None = None) -> None:
        if not is_in_scene(self._segmentation) or not is_in_scene(self._volume):
            raise InputError("The volume or the segmentation was deleted: choose others.")
        require_labelmaps(self._segmentation)
        if segment_id is not None and self._segmentation.GetSegmentation().GetSegment(segment_id) is None:
            raise InputError("The segment was deleted: choose another.")

    def _write(self, segment_id: str, labelmap: Any, removing: bool) -> None:
        """Change a segment whatever the rules, and no other."""
        isolate_segment(self._segmentation, segment_id)
        self._editor.SetOverwriteMode(self._editor.OverwriteNone)
        mode = self._logic.ModificationModeRemove if removing else self._logic.ModificationModeAdd
        self._logic.ModifySegmentByLabelmap(self._segmentation, segment_id, labelmap, mode, False, True)


def allowed_parts(
    change: MaskChange, segmentation_node: Any, segment_id: str, volume_node: Any, rules: Rules
) -> Iterator[tuple[Any, bool]]:
    """What the rules allow of a change: (vtkOrientedImageData of 0 and 1, whether it is removed), nothing empty.

    What is yielded second knows what has become of the first.

    Raises:
        InputError: the rules name a segment that is gone.
    """
    for mask, removing in ((change.added, False), (change.removed, True)):
        if mask.empty:
            continue
        labelmap = labelmap_of(mask, volume_node, segmentation_node)
        lattice = lattice_of_image(labelmap)
        voxels = array_of(labelmap)
        if rules.intensities is not None:
            voxels[~in_range(intensities_on(volume_node, mask.box, lattice, segmentation_node), rules)] = 0
        allowed = editable(segmentation_node, segment_id, rules, lattice, removing)
        if allowed is not None:
            voxels[~allowed] = 0
        if voxels.any():
            yield labelmap, removing


def _new_editor_node(scene: Any) -> Any:
    node = scene.CreateNodeByClass("vtkMRMLSegmentEditorNode")
    node.UnRegister(None)
    node.SetHideFromEditors(True)
    node.SetSaveWithScene(False)
    node.SetOverwriteMode(node.OverwriteNone)
    return scene.AddNode(node)
