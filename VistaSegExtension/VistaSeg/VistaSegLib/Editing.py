"""Writing into the chosen segmentation with undo: one history for clicks and automatic results alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vistaseg.mrml.volumes import is_in_scene

if TYPE_CHECKING:
    from vistaseg.mrml.editing import SegmentEditing


class Editing:
    """The editing of each segmentation that was chosen together with a volume, as long as both are there.

    Args:
        selection: see `Selection`.
    """

    def __init__(self, selection) -> None:
        self._selection = selection
        self._made: dict[tuple[str, str], tuple[object, object, SegmentEditing]] = {}

    def writer(self) -> SegmentEditing:
        """What writes into the chosen segmentation; both nodes have to be chosen."""
        from vistaseg.mrml.editing import SegmentEditing  # with the first result, not with the panel

        self.forgetGone()
        volume, segmentation = self._selection.volumeNode, self._selection.segmentationNode
        key = (volume.GetID(), segmentation.GetID())
        if key not in self._made:
            self._made[key] = (volume, segmentation, SegmentEditing(segmentation, volume))
        return self._made[key][2]

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

    def undo(self) -> None:
        """Take the last result back."""
        if self.canUndo:
            self._current().undo()

    def redo(self) -> None:
        """Bring back what was undone last."""
        if self.canRedo:
            self._current().redo()

    def close(self) -> None:
        """Forget all histories, and take the nodes they need out of the scene."""
        for _volume, _segmentation, editing in self._made.values():
            editing.close()
        self._made.clear()

    def _current(self) -> SegmentEditing | None:
        volume, segmentation = self._selection.volumeNode, self._selection.segmentationNode
        if volume is None or segmentation is None:
            return None
        entry = self._made.get((volume.GetID(), segmentation.GetID()))
        return entry[2] if entry is not None and entry[1] is segmentation else None

    def forgetGone(self) -> None:
        for key, (volume, segmentation, editing) in list(self._made.items()):
            if not (is_in_scene(volume) and is_in_scene(segmentation)):
                editing.close()
                del self._made[key]
