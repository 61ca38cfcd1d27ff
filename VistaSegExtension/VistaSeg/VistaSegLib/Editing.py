"""Writing into segmentations with undo: one order of steps for clicks, automatic results and scripts alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import slicer

from vistaseg.mrml.removals import on_removals
from vistaseg.mrml.volumes import is_in_scene
from VistaSegLib.Editors import saveStates

if TYPE_CHECKING:
    from collections.abc import Callable

    from vistaseg.mrml.editing import SegmentEditing


class _Steps:
    """The editing of each pair of volume and segmentation, as long as both are there; one for panel and console."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], tuple[object, object, SegmentEditing]] = {}
        self._stopHearing: Callable[[], None] | None = None  # of nodes that leave the scene

    def writer(self, volumeNode, segmentationNode) -> SegmentEditing:
        from vistaseg.mrml.editing import SegmentEditing  # with the first result, not with the panel

        self._stopHearing = self._stopHearing or on_removals(slicer.mrmlScene, self._forgetGone)
        key = (volumeNode.GetID(), segmentationNode.GetID())
        if key not in self._made:
            editing = SegmentEditing(segmentationNode, volumeNode, None, lambda: saveStates(segmentationNode))
            self._made[key] = (volumeNode, segmentationNode, editing)
        return self._made[key][2]

    def find(self, volumeNode, segmentationNode) -> SegmentEditing | None:
        entry = self._made.get((volumeNode.GetID(), segmentationNode.GetID()))
        return entry[2] if entry is not None and entry[1] is segmentationNode else None

    def close(self) -> None:
        if self._stopHearing is not None:
            self._stopHearing()
            self._stopHearing = None
        while self._made:
            self._made.popitem()[1][2].close()

    def _forgetGone(self) -> None:
        """Forget the steps in nodes that are not in the scene any more; to do that takes a node of ours out, too."""
        for key, (volume, segmentation, editing) in list(self._made.items()):
            if not (is_in_scene(volume) and is_in_scene(segmentation)) and self._made.pop(key, None) is not None:
                editing.close()


_steps = _Steps()


def writerFor(volumeNode, segmentationNode) -> SegmentEditing:
    """What writes into a segmentation of a volume, as steps that the panel can undo."""
    return _steps.writer(volumeNode, segmentationNode)


class Editing:
    """The editing of the chosen volume and segmentation.

    Args:
        selection: see `Selection`.
    """

    def __init__(self, selection) -> None:
        self._selection = selection

    def writer(self) -> SegmentEditing:
        """What writes into the chosen segmentation; both nodes have to be chosen."""
        return writerFor(self._selection.volumeNode, self._selection.segmentationNode)

    @property
    def canUndo(self) -> bool:
        """Whether there is a result to take back."""
        editing = self._current()
        return editing is not None and editing.can_undo

    @property
    def canRedo(self) -> bool:
        """Whether there is a result to bring back."""
        editing = self._current()
        return editing is not None and editing.can_redo

    def undo(self) -> str:
        """Take the last result back; returns a sentence on what others have changed since, or nothing.

        Raises:
            InputError: that is impossible by now.
        """
        editing = self._current()
        return editing.undo() if editing is not None and editing.can_undo else ""

    def redo(self) -> str:
        """Bring back what was undone last; as `undo`."""
        editing = self._current()
        return editing.redo() if editing is not None and editing.can_redo else ""

    def close(self) -> None:
        """Forget all steps, and take the nodes they need out of the scene."""
        _steps.close()

    def _current(self) -> SegmentEditing | None:
        volume, segmentation = self._selection.volumeNode, self._selection.segmentationNode
        return None if volume is None or segmentation is None else _steps.find(volume, segmentation)
