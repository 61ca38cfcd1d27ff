"""Stand-ins for the Segment Editor: the base of scripted effects, the editor around them, and slice views.

Masking, overwriting and undo are Slicer's own, from the wheel's `vtkSlicerSegmentEditorLogic`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import slicer
import vtk
from PySide6.QtWidgets import QFormLayout, QFrame, QWidget

from host.application import LayoutManager


class ScriptedEffect:
    """`qSlicerSegmentEditorScriptedEffect`, as far as the effect calls it."""

    NotConfirmed, ConfirmedWithoutDialog, ConfirmedWithDialog = range(3)
    ModificationModeAdd = slicer.vtkSlicerSegmentEditorLogic.ModificationModeAdd
    ModificationModeRemove = slicer.vtkSlicerSegmentEditorLogic.ModificationModeRemove

    def __init__(self, _parent: Any = None) -> None:
        self.name = self.title = ""
        self.editor: Any = None
        self.confirmation = self.ConfirmedWithoutDialog
        self._self: Any = None
        self._frame = QFrame()
        QFormLayout(self._frame)

    def setPythonSource(self, source: str) -> bool:
        path = Path(source)
        self._self = getattr(sys.modules[path.parent.name], path.stem)(self)
        return True

    def self(self) -> Any:
        return self._self

    def parameterSetNode(self) -> Any:
        return None if self.editor is None else self.editor.node

    def optionsFrame(self) -> QFrame:
        return self._frame

    def addOptionsWidget(self, widget: QWidget) -> None:
        self._frame.layout().addRow(widget)

    def addActor2D(self, view: SliceWidget, actor: Any) -> None:
        view.renderer.AddViewProp(actor)

    def removeActor2D(self, view: SliceWidget, actor: Any) -> None:
        view.renderer.RemoveViewProp(actor)

    def confirmCurrentSegmentVisible(self) -> int:
        return self.confirmation

    def saveStateForUndo(self) -> None:
        self.editor.logic.SaveStateForUndo()

    def modifySelectedSegmentByLabelmap(self, labelmap: Any, mode: int, bypassMasking: bool = False) -> None:
        node = self.editor.node
        segment_id = node.GetSelectedSegmentID() or ""
        self.editor.logic.ModifySegmentByLabelmap(
            node.GetSegmentationNode(), segment_id, labelmap, mode, True, bypassMasking
        )


class AbstractScriptedSegmentEditorEffect:
    """The base class of effects in Python."""

    def __init__(self, scriptedEffect: ScriptedEffect) -> None:
        self.scriptedEffect = scriptedEffect

    def register(self) -> None:
        EffectFactory.registered[self.scriptedEffect.name] = self.scriptedEffect


class EffectFactory:
    """What effects there are."""

    registered: dict[str, ScriptedEffect] = {}


class SliceWidget:
    """`qMRMLSliceWidget` over a slice node, without a window."""

    def __init__(self, node: Any) -> None:
        self.node, self.renderer, self.renderings = node, vtk.vtkRenderer(), 0

    def className(self) -> str:
        return "qMRMLSliceWidget"

    def sliceLogic(self) -> Any:
        return SimpleNamespace(GetSliceNode=lambda: self.node)

    def sliceView(self) -> SliceWidget:
        return self

    def scheduleRender(self) -> None:
        self.renderings += 1


class Editor:
    """`qMRMLSegmentEditorWidget` around one effect."""

    def __init__(self, effect_name: str) -> None:
        self.logic = slicer.vtkSlicerSegmentEditorLogic()
        self.logic.SetMRMLScene(slicer.mrmlScene)
        self.logic.SetMaximumNumberOfUndoStates(10)
        self.node: Any = None
        self.reset()
        self.effect = EffectFactory.registered[effect_name].self().clone()
        self.effect.editor = self

    def reset(self) -> None:
        """Take a new parameter set node, as after the scene was closed; segments may overlap."""
        self.node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
        self.node.SetOverwriteMode(self.node.OverwriteNone)
        self.logic.SetSegmentEditorNode(self.node)

    def choose(self, volume: Any, segmentation: Any, segment_id: str = "") -> None:
        """Select nodes and a segment."""
        self.logic.SetSegmentationNode(segmentation)
        self.logic.SetSourceVolumeNode(volume)
        self.node.SetSelectedSegmentID(segment_id)

    def activate(self) -> None:
        self.effect.self().activate()

    def deactivate(self) -> None:
        self.effect.self().deactivate()

    def undo(self) -> None:
        self.logic.Undo()

    def redo(self) -> None:
        self.logic.Redo()


class Mouse:
    """Presses, moves and releases the left button in a slice view."""

    def __init__(self, editor: Editor, view: SliceWidget) -> None:
        self._editor, self._view = editor, view
        self._interactor = vtk.vtkRenderWindowInteractor()

    def event(self, name: str, at: tuple[float, float] = (0, 0), ctrl: bool = False, shift: bool = False) -> bool:
        """Send an event; returns whether the effect kept it to itself."""
        x, y = at
        self._interactor.SetEventInformation(round(x), round(y), int(ctrl), int(shift))
        event = getattr(vtk.vtkCommand, f"{name}Event")
        return self._editor.effect.self().processInteractionEvents(self._interactor, event, self._view)

    def key(self, name: str) -> bool:
        """Press a key."""
        self._interactor.SetKeySym(name)
        return self._editor.effect.self().processInteractionEvents(
            self._interactor, vtk.vtkCommand.KeyPressEvent, self._view
        )

    def click(self, at: tuple[float, float], ctrl: bool = False) -> None:
        self.event("LeftButtonPress", at, ctrl)
        self.event("LeftButtonRelease", at, ctrl)

    def drag(self, *path: tuple[float, float], ctrl: bool = False) -> None:
        self.event("LeftButtonPress", path[0], ctrl)
        for at in path[1:]:
            self.event("MouseMove", at, ctrl)
        self.event("LeftButtonRelease", path[-1], ctrl)


def slice_widget(_manager: Any, name: str) -> SliceWidget:
    """The view of a slice node by the name of its place in the layout."""
    node = next(node for node in slicer.util.getNodesByClass("vtkMRMLSliceNode") if node.GetLayoutName() == name)
    known = _slice_widgets.get(name)
    if known is None or known.node is not node:
        known = _slice_widgets[name] = SliceWidget(node)
    return known


_slice_widgets: dict[str, SliceWidget] = {}


def install() -> None:
    """Make what the effect imports importable, once in a process."""
    if "SegmentEditorEffects" in sys.modules:
        return
    LayoutManager.sliceWidget = slice_widget
    base, effects = ModuleType("SegmentEditorEffects"), ModuleType("qSlicerSegmentationsEditorEffectsPythonQt")
    vars(base)["AbstractScriptedSegmentEditorEffect"] = AbstractScriptedSegmentEditorEffect
    vars(effects)["qSlicerSegmentEditorScriptedEffect"] = ScriptedEffect
    sys.modules.update({module.__name__: module for module in (base, effects)})
