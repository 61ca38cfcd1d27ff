"""What would change, as pulsating outlines in all views, before it is written."""

from __future__ import annotations

from itertools import cycle

import qt
import slicer

from SegmentEditorVistaSegLib.Choice import segmentationOf, volumeOf
from SegmentEditorVistaSegLib.Markers import ADD, REMOVE, Color
from vistaseg.masks.boxed import MaskChange
from vistaseg.mrml.geometry import BINARY_LABELMAP
from vistaseg.mrml.writing import labelmap_of
from vistaseg.workspace import SegmentReference

INTERVAL_MS = 150
OPACITIES = (1.0, 0.8, 0.6, 0.4, 0.2, 0.4, 0.6, 0.8)
FILL = 0.3
"""Opacity of the fill, as a part of that of the outline."""


class Preview:
    """Shows a change through a node of its own, which is neither listed nor saved."""

    def __init__(self) -> None:
        self._node = None
        self._timer = qt.QTimer()
        self._timer.interval = INTERVAL_MS
        self._timer.timeout.connect(self._pulse)
        self._opacities = cycle(OPACITIES)

    @property
    def shown(self) -> bool:
        """Whether there is something to look at."""
        return self._node is not None

    def show(self, target: SegmentReference, change: MaskChange) -> None:
        """Show a change of a segment instead of what was shown before."""
        self.hide()
        node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLSegmentationNode")
        node.UnRegister(None)
        node.SetName("VistaSeg preview")
        node.SetHideFromEditors(True)
        node.SetSaveWithScene(False)
        node.SetAndObserveTransformNodeID(segmentationOf(target).GetTransformNodeID())
        for name, mask, color in (("added", change.added, ADD), ("removed", change.removed, REMOVE)):
            if not mask.empty:
                _addSegment(node, name, labelmap_of(mask, volumeOf(target), segmentationOf(target)), color)
        self._node = slicer.mrmlScene.AddNode(node)
        _keepOutOfTree(node)
        node.CreateDefaultDisplayNodes()
        node.GetDisplayNode().SetVisibility3D(False)
        self._pulse()
        self._timer.start()

    def hide(self) -> None:
        """Show nothing."""
        self._timer.stop()
        node, self._node = self._node, None
        if node is not None and slicer.mrmlScene.IsNodePresent(node):
            display = node.GetDisplayNode()
            slicer.mrmlScene.RemoveNode(node)
            if slicer.mrmlScene.IsNodePresent(display):
                slicer.mrmlScene.RemoveNode(display)
            _forgetInTree(node)

    def _pulse(self, *_) -> None:
        display = self._node.GetDisplayNode() if self._node is not None else None
        if display is None:
            self._timer.stop()
            return
        opacity = next(self._opacities)
        display.SetOpacity2DOutline(opacity)
        display.SetOpacity2DFill(FILL * opacity)


def _keepOutOfTree(node) -> None:
    """Slicer wants every segmentation in the subject hierarchy, and complains of those that are not."""
    hierarchy = _hierarchy()
    item = hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)
    hidden = slicer.vtkMRMLSubjectHierarchyConstants.GetSubjectHierarchyExcludeFromTreeAttributeName()
    hierarchy.SetItemAttribute(item, hidden, "1")


def _forgetInTree(node) -> None:
    """Where no plugin of the hierarchy has done it."""
    item = _hierarchy().GetItemByDataNode(node)
    if item:
        _hierarchy().RemoveItem(item, False)


def _hierarchy():
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)


def _addSegment(node, name: str, labelmap, color: Color) -> None:
    segment = slicer.vtkSegment()
    segment.SetName(name)
    segment.SetColor([value / 255 for value in color])
    segment.AddRepresentation(BINARY_LABELMAP, labelmap)
    node.GetSegmentation().AddSegment(segment, name)
