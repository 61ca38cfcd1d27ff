"""Clicks and boxes that the user places in the slice views, by Slicer's own markups."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer
from slicer.util import VTKObservationMixin

from vistaseg.mrml.volumes import is_in_scene
from VistaSegLib.Later import Later
from VistaSegLib.MarkupsNodes import COLORS, addMarkupsNode, limitToSliceViews, removeMarkupsNode
from VistaSegLib.ShownScans import sliceNodesAtPointer

CLASSES = {
    "positive": "vtkMRMLMarkupsFiducialNode",
    "negative": "vtkMRMLMarkupsFiducialNode",
    "box": "vtkMRMLMarkupsROINode",
}


class PromptPlacing(VTKObservationMixin):
    """One kind at a time. Clicks go on until they are stopped; a box is one box.

    While it is on, the scene has a node for what is placed, which is not saved.

    Args:
        onPoint: called with (world RAS mm, whether it is positive, nodes of the slice views that it was placed in).
        onBox: called with (the markups ROI, which is gone afterwards, the nodes of the slice views of its corners).
        onStopped: called when placing has ended, by whomever.

    Attributes:
        kind: "positive", "negative", "box", or None while nothing is placed.
    """

    def __init__(self, onPoint: Callable, onBox: Callable, onStopped: Callable[[], None]) -> None:
        super().__init__()
        self._onPoint, self._onBox, self._onStopped = onPoint, onBox, onStopped
        self.kind: str | None = None
        self._node: Any = None
        self._views: list[list] = []  # for each point that was placed, at the moment when it was
        self._taking, self._stopping = Later(self._take), Later(self._stopIfOver)

    def start(self, kind: str) -> None:
        """Let the user place; what was placed before is over."""
        self._end()
        self.kind = kind
        self._node = addMarkupsNode(CLASSES[kind], kind, COLORS[kind])
        self._node.GetDisplayNode().SetPointLabelsVisibility(False)
        limitToSliceViews(self._node)
        _beginPlaceMode(self._node, persistent=kind != "box")
        self.addObserver(self._node, self._node.PointPositionDefinedEvent, self._onDefined)
        interaction = _interactionNode()
        self.addObserver(interaction, interaction.InteractionModeChangedEvent, self._onModeChanged)
        selection = _selectionNode()
        self.addObserver(selection, selection.ActivePlaceNodeIDChangedEvent, self._onModeChanged)

    def stop(self) -> None:
        """Go back to looking around."""
        if self.kind is not None:
            self._end()
            self._onStopped()

    def close(self) -> None:
        """As `stop`, without the callback."""
        self._end()

    def _end(self) -> None:
        self.removeObservers()
        self._taking.stop()
        self._stopping.stop()
        node, self._node, self.kind, self._views = self._node, None, None, []
        if is_in_scene(node):
            _endPlaceMode(node)
            removeMarkupsNode(node)

    def _onDefined(self, *_) -> None:
        # The view's own handling of the click goes on after this event, and needs the node as it is.
        # The pointer may be in another view by then, though.
        self._views.append(sliceNodesAtPointer())
        self._taking.start()

    def _onModeChanged(self, *_) -> None:
        self._stopping.start()

    def _stopIfOver(self) -> None:
        if not _isPlacing(self._node):
            self.stop()

    def _take(self) -> None:
        node = self._node
        if not is_in_scene(node):
            return
        if self.kind == "box":
            self._takeBox(node)
        else:
            self._takePoints(node, self.kind == "positive")

    def _takeBox(self, node) -> None:
        if min(node.GetSize()) > 0:
            self._onBox(node, [view for views in self._views for view in views])
            self.stop()

    def _takePoints(self, node, positive: bool) -> None:
        placed = [n for n in range(node.GetNumberOfControlPoints()) if _isPlaced(node, n)]
        positions = [tuple(node.GetNthControlPointPositionWorld(n)) for n in placed]
        for n in reversed(placed):
            node.RemoveNthControlPoint(n)
        views, self._views = self._views, []
        for n, position in enumerate(positions):
            self._onPoint(position, positive, views[n] if n < len(views) else sliceNodesAtPointer())


def _isPlaced(node, n: int) -> bool:
    """A point that is still at the cursor is not."""
    return node.GetNthControlPointPositionStatus(n) == node.PositionDefined


def _interactionNode():
    return slicer.mrmlScene.GetNodeByID("vtkMRMLInteractionNodeSingleton")


def _selectionNode():
    return slicer.mrmlScene.GetNodeByID("vtkMRMLSelectionNodeSingleton")


def _beginPlaceMode(node, persistent: bool) -> None:
    selection, interaction = _selectionNode(), _interactionNode()
    selection.SetReferenceActivePlaceNodeClassName(node.GetClassName())
    selection.SetReferenceActivePlaceNodeID(node.GetID())
    interaction.SetPlaceModePersistence(persistent)
    interaction.SetCurrentInteractionMode(interaction.Place)


def _isPlacing(node) -> bool:
    interaction = _interactionNode()
    isActive = node is not None and _selectionNode().GetActivePlaceNodeID() == node.GetID()
    return isActive and interaction.GetCurrentInteractionMode() == interaction.Place


def _endPlaceMode(node) -> None:
    if _isPlacing(node):
        interaction = _interactionNode()
        interaction.SetPlaceModePersistence(False)
        interaction.SetCurrentInteractionMode(interaction.ViewTransform)
