"""Where results go after another volume was chosen: results of two scans do not end up in one segmentation."""

from __future__ import annotations

from collections.abc import Callable

import slicer
from slicer.i18n import tr as _

from vistaseg.mrml.reference import reference_volume


class SegmentationOfVolume:
    """Lets the chosen segmentation follow the chosen volume; a user may still choose any other afterwards.

    Args:
        selection: see `Selection`.
        tell: says where results go now.
    """

    def __init__(self, selection, tell: Callable[[str], None]) -> None:
        self._selection, self._tell = selection, tell
        self._parameterNode = None
        self._volumeId = ""  # "gone" after it was deleted
        self._used: dict[str, str] = {}

    def update(self) -> None:
        """Look whether there is another volume or scene, and choose the segmentation of that."""
        parameters = self._selection.parameters
        node = parameters.parameterNode if parameters is not None else None
        if node is not self._parameterNode:
            self._parameterNode, self._volumeId, self._used = node, "", {}
        volume, segmentation = self._selection.volumeNode, self._selection.segmentationNode
        if volume is None:
            if self._volumeId and slicer.mrmlScene.GetNodeByID(self._volumeId) is None:
                self._volumeId = "gone"
            return
        before, self._volumeId = self._volumeId, volume.GetID()
        if before != self._volumeId and not _isFor(segmentation, volume, isFirst=not before):
            segmentation = self._ownOf(volume)
            self._choose(segmentation, volume)
        if segmentation is not None:
            self._used[volume.GetID()] = segmentation.GetID()

    def _choose(self, segmentation, volume) -> None:
        before = self._selection.segmentationNode
        if segmentation is before:
            return
        self._selection.segmentationNode = segmentation
        if before is not None:
            name = segmentation.GetName() if segmentation is not None else _("a new segmentation")
            self._tell(
                _("Results of {volume} go into {segmentation}.").format(volume=volume.GetName(), segmentation=name)
            )

    def _ownOf(self, volume):
        """The segmentation of a volume that was used last, else the newest; None where it has none."""
        nodes = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
        own = [node for node in nodes if not node.GetHideFromEditors() and reference_volume(node) is volume]
        used = [node for node in own if node.GetID() == self._used.get(volume.GetID())]
        return next(iter([*used, *reversed(own)]), None)


def isOfAnother(segmentation, volume) -> bool:
    """Whether a segmentation was made for another volume, or holds results of one."""
    return bool(otherScan(segmentation, volume))


def otherScan(segmentation, volume) -> str:
    """Name of another volume that a segmentation was made for or holds results of; nothing where none is known.

    A copy of a segmentation, and one whose volume was deleted, refer to no volume: then their segments tell.
    """
    if segmentation is None or volume is None:
        return ""
    made = reference_volume(segmentation)
    if made is not None and made is not volume:
        return made.GetName() or _("another scan")
    from vistaseg.workspace.memory import made_of_another  # with the first segmentation, not with the panel

    segments = segmentation.GetSegmentation()
    found = (made_of_another(segments.GetSegment(each), volume) for each in segments.GetSegmentIDs())
    return next(filter(None, found), "")


def otherScanNote(segmentation, volume) -> str:
    """What to say where a segmentation of another scan was chosen; nothing where it is of this one."""
    other = otherScan(segmentation, volume)
    if not other:
        return ""
    return _(
        "{segmentation} was made for {other}: results of {volume} are added to it. Choose {none} to keep both scans "
        "apart."
    ).format(segmentation=segmentation.GetName(), other=other, volume=volume.GetName(), none=_("A new segmentation"))


def _isFor(segmentation, volume, isFirst: bool) -> bool:
    """Whether results of a volume belong into a segmentation.

    Args:
        isFirst: whether no other volume was chosen before; a segmentation that no volume of the scene is known for was
            then chosen for this one.
    """
    if segmentation is None or isOfAnother(segmentation, volume):
        return False
    isEmpty = segmentation.GetSegmentation().GetNumberOfSegments() == 0
    return isFirst or isEmpty or reference_volume(segmentation) is volume
