"""Stand-ins for the widgets of Slicer that the panel uses, over real nodes."""

from __future__ import annotations

from typing import Any

import slicer
from PySide6.QtCore import Property, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QTableWidget, QTableWidgetItem, QToolButton, QWidget
from vtkmodules.vtkCommonCore import vtkCommand


class qMRMLWidget(QWidget):
    """Hands its scene to the widgets inside, as the connections in the `.ui` files do in Slicer."""

    mrmlSceneChanged = Signal(object)

    def setMRMLScene(self, scene: Any) -> None:
        for child in self.findChildren(QWidget):
            if hasattr(child, "setMRMLScene"):
                child.setMRMLScene(scene)
        self.mrmlSceneChanged.emit(scene)


class qSlicerScriptedLoadableModuleWidget(qMRMLWidget):
    """Owns the panel of a scripted module, and tells it when the user comes and goes.

    Attributes:
        widget: the panel.
    """

    widget: Any = None

    def __init__(self) -> None:
        super().__init__()
        self.isEntered = False

    def enter(self) -> None:
        self.isEntered = True
        self.widget.enter()

    def exit(self) -> None:
        self.isEntered = False
        self.widget.exit()


class qMRMLNodeComboBox(QComboBox):
    """The nodes of some classes in the scene; a node that comes is chosen where none was, as in Slicer."""

    currentNodeChanged = Signal(object)
    nodeAddedByUser = Signal(object)
    mrmlSceneChanged = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene: Any = None
        self._tags: list[int] = []
        self._ids: list[str] = []
        self._current = ""
        self._types: list[str] = []
        self._none, self._none_text, self._base_name = False, "None", ""
        self._add = self._remove = self._rename = self._on_creation = True
        self.activated.connect(lambda index: self.setCurrentNodeID(self._ids[index]))
        self.destroyed.connect(self._stop_observing)

    def setMRMLScene(self, scene: Any) -> None:
        self._stop_observing()
        self._scene = scene
        events = (scene.NodeAddedEvent, scene.NodeRemovedEvent, scene.EndBatchProcessEvent) if scene else ()
        self._tags = [scene.AddObserver(event, lambda *_: self._refresh()) for event in events]
        self._refresh()

    def currentNode(self) -> Any:
        return self._scene.GetNodeByID(self._current) if self._scene and self._current else None

    def setCurrentNode(self, node: Any) -> None:
        self.setCurrentNodeID(node.GetID() if node is not None else "")

    def setCurrentNodeID(self, node_id: str) -> None:
        self._refresh(choose=False)
        wanted = node_id if node_id in self._ids else ""
        if wanted != self._current:
            self._current = wanted
            self._show_current()
            self.currentNodeChanged.emit(self.currentNode())

    def addNode(self, class_name: str = "") -> Any:
        node = self._scene.AddNewNodeByClass(class_name or self._types[0])
        if self._base_name:
            node.SetName(self._scene.GenerateUniqueName(self._base_name))
        self._refresh()
        self.setCurrentNode(node)
        self.nodeAddedByUser.emit(node)
        return node

    def nodeCount(self) -> int:
        return len([node_id for node_id in self._ids if node_id])

    def _stop_observing(self, *_: Any) -> None:
        for tag in self._tags:
            self._scene.RemoveObserver(tag)
        self._tags = []

    def _nodes(self) -> list[Any]:
        if self._scene is None:
            return []
        nodes = [self._scene.GetNthNode(index) for index in range(self._scene.GetNumberOfNodes())]
        return [node for node in nodes if node.GetClassName() in self._types and not node.GetHideFromEditors()]

    def _refresh(self, choose: bool = True) -> None:
        if self._scene is None or self._scene.IsBatchProcessing():
            return
        nodes = self._nodes()
        self._ids = [""] * self._none + [node.GetID() for node in nodes]
        names = [self._none_text] * self._none + [node.GetName() or "" for node in nodes]
        self.clear()
        self.addItems(names)
        gone = self._current not in self._ids
        if choose and gone:
            self._current = "" if self._none or not nodes else nodes[0].GetID()
        self._show_current()
        if choose and gone:
            self.currentNodeChanged.emit(self.currentNode())

    def _show_current(self) -> None:
        self.setCurrentIndex(self._ids.index(self._current) if self._current in self._ids else -1)

    def _set_types(self, types: list[str]) -> None:
        self._types = list(types)
        self._refresh()

    def _set_none(self, enabled: bool) -> None:
        self._none = enabled
        self._refresh()

    nodeTypes = Property("QStringList", lambda self: self._types, _set_types)
    currentNodeID = Property(str, lambda self: self._current, setCurrentNodeID)
    noneEnabled = Property(bool, lambda self: self._none, _set_none)
    noneDisplay = Property(str, lambda self: self._none_text, lambda self, text: setattr(self, "_none_text", text))
    baseName = Property(str, lambda self: self._base_name, lambda self, name: setattr(self, "_base_name", name))
    addEnabled = Property(bool, lambda self: self._add, lambda self, on: setattr(self, "_add", on))
    removeEnabled = Property(bool, lambda self: self._remove, lambda self, on: setattr(self, "_remove", on))
    renameEnabled = Property(bool, lambda self: self._rename, lambda self, on: setattr(self, "_rename", on))
    selectNodeUponCreation = Property(
        bool, lambda self: self._on_creation, lambda self, on: setattr(self, "_on_creation", on)
    )


class qMRMLSegmentsTableView(QTableWidget):
    """Names of a segmentation's segments."""

    selectionChanged_ = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, 1, parent)
        self._node: Any = None
        self._tag: int | None = None

    def setMRMLScene(self, _scene: Any) -> None:
        self._refresh()

    def setSegmentationNode(self, node: Any) -> None:
        if self._node is not None and self._tag is not None:
            self._node.RemoveObserver(self._tag)
        self._node = node
        self._tag = None if node is None else node.AddObserver(vtkCommand.AnyEvent, lambda *_: self._refresh())
        self._refresh()

    def segmentationNode(self) -> Any:
        return self._node

    def selectedSegmentIDs(self) -> list[str]:
        return [self._segment_ids()[index.row()] for index in self.selectedIndexes()]

    def setSelectedSegmentIDs(self, segment_ids: list[str]) -> None:
        self.clearSelection()
        for segment_id in segment_ids:
            self.selectRow(self._segment_ids().index(segment_id))

    def _segment_ids(self) -> list[str]:
        segmentation = self._node and self._node.GetSegmentation()
        return list(segmentation.GetSegmentIDs()) if segmentation else []

    def _refresh(self) -> None:
        segment_ids = self._segment_ids()
        self.setRowCount(len(segment_ids))
        for row, segment_id in enumerate(segment_ids):
            segment = self._node.GetSegmentation().GetSegment(segment_id)
            self.setItem(row, 0, QTableWidgetItem(segment.GetName()))


class qSlicerMarkupsPlaceWidget(QWidget):
    """A button that places control points of one markups node, through the scene's interaction node."""

    activeMarkupsPlaceModeChanged = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._node: Any = None
        self._button = QToolButton(checkable=True)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._button)
        self._button.toggled.connect(self.setPlaceModeEnabled)

    def setMRMLScene(self, _scene: Any) -> None:
        """The application's scene is the only one."""

    def currentNode(self) -> Any:
        return self._node

    def setCurrentNode(self, node: Any) -> None:
        self._node = node

    def placeButton(self) -> QToolButton:
        return self._button

    def setPlaceModeEnabled(self, enabled: bool) -> None:
        if enabled == self.placeModeEnabled:
            return
        logic = slicer.modules.markups.logic()
        if enabled:
            logic.SetActiveList(self._node)
        interaction = slicer.mrmlScene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
        interaction.SetCurrentInteractionMode(interaction.Place if enabled else interaction.ViewTransform)
        self._button.setChecked(enabled)
        self.activeMarkupsPlaceModeChanged.emit(enabled)

    def _is_placing(self) -> bool:
        interaction = slicer.mrmlScene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
        selection = slicer.mrmlScene.GetNodeByID("vtkMRMLSelectionNodeSingleton")
        return bool(
            self._node is not None
            and interaction.GetCurrentInteractionMode() == interaction.Place
            and selection.GetActivePlaceNodeID() == self._node.GetID()
        )

    placeModeEnabled = Property(bool, _is_placing, setPlaceModeEnabled)


WIDGETS = (qMRMLWidget, qMRMLNodeComboBox, qMRMLSegmentsTableView, qSlicerMarkupsPlaceWidget)
