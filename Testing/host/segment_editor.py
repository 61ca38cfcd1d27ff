"""Stand-ins for the Segment Editor: the base of scripted effects, and the editor around them.

Masking, overwriting and undo are Slicer's own, from the wheel's `vtkSlicerSegmentEditorLogic`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import slicer
import vtk
from PySide6.QtWidgets import QFormLayout, QFrame, QWidget

from host.slice_views import SliceWidget, slice_widget
from host.strokes import Place, Strokes


class ScriptedEffect:
    """`qSlicerSegmentEditorScriptedEffect`, as far as the effect calls it."""

    NotConfirmed, ConfirmedWithoutDialog, ConfirmedWithDialog = range(3)
    ModificationModeAdd = slicer.vtkSlicerSegmentEditorLogic.ModificationModeAdd
    ModificationModeRemove = slicer.vtkSlicerSegmentEditorLogic.ModificationModeRemove

    def __init__(self, _parent: Any = None) -> None:
        self.name = self.title = ""
        self.editor: Any = None
        self.answer = ""
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
        node = self.editor.node
        display, segment_id = node.GetSegmentationNode().GetDisplayNode(), node.GetSelectedSegmentID()
        if display.GetSegmentVisibility(segment_id):
            return self.ConfirmedWithoutDialog
        display.SetSegmentVisibility(segment_id, self.answer == "Yes")
        return self.NotConfirmed if self.answer == "Cancel" else self.ConfirmedWithDialog

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


class Editor:
    """`qMRMLSegmentEditorWidget` around one effect."""

    def __init__(self, effect_name: str) -> None:
        self.logic = slicer.vtkSlicerSegmentEditorLogic()
        self.logic.SetMRMLScene(slicer.mrmlScene)
        self.logic.SetMaximumNumberOfUndoStates(10)
        self.node: Any = None
        self.effect = EffectFactory.registered[effect_name].self().clone()
        self.effect.editor = self
        self.reset()

    def reset(self) -> None:
        """Take a new parameter set node, as after the scene was closed; segments may overlap."""
        self.node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
        self.node.SetOverwriteMode(self.node.OverwriteNone)
        self.logic.SetSegmentEditorNode(self.node)

    def choose(self, volume: Any, segmentation: Any, segment_id: str = "") -> None:
        """Select nodes and a segment; another segmentation ends the effect."""
        if segmentation is not self.node.GetSegmentationNode():
            self.deactivate()
        segmentation.CreateDefaultDisplayNodes()
        self.logic.SetSegmentationNode(segmentation)
        self.logic.SetSourceVolumeNode(volume)
        self.node.SetSelectedSegmentID(segment_id)

    def activate(self) -> None:
        self.effect.self().activate()

    def deactivate(self) -> None:
        self.effect.self().deactivate()

    def close(self) -> None:
        """Let the effect go."""
        self.deactivate()
        self.effect.self().cleanup()

    def lock(self) -> None:
        """Make the editor read-only."""
        self.deactivate()
        self.effect.optionsFrame().setEnabled(False)

    @property
    def can_undo(self) -> bool:
        return bool(self.logic.CanUndo())

    @property
    def can_redo(self) -> bool:
        return bool(self.logic.CanRedo())

    def undo(self) -> None:
        self.logic.Undo()

    def redo(self) -> None:
        self.logic.Redo()

    def remove_segment(self) -> None:
        """Remove the segment that is selected."""
        self.logic.RemoveSelectedSegment()

    @contextmanager
    def answering(self, answer: str) -> Iterator[None]:
        """Have the next question answered with the button of this text."""
        self.effect.answer = answer
        yield


class Mouse(Strokes):
    """The left button and keys in a slice view: events that the effect gets."""

    def __init__(self, editor: Editor, view: SliceWidget) -> None:
        self._editor, self._view = editor, view
        self._interactor = view.interactor()

    def event(self, name: str, at: Place = (0, 0), ctrl: bool = False, shift: bool = False) -> bool:
        """Send an event; returns whether the effect kept it to itself."""
        x, y = at
        self._interactor.SetEventInformation(round(x), round(y), int(ctrl), int(shift))
        event = getattr(vtk.vtkCommand, f"{name}Event")
        return self._editor.effect.self().processInteractionEvents(self._interactor, event, self._view)

    def offer(self, name: str, at: Place = (0, 0), shift: bool = False, key: str = "") -> bool:
        """Show an event to the effect alone; returns whether it would keep it from the others."""
        self._interactor.SetKeySym(key)
        return self.event(name, at, shift=shift)

    def offer_in_3d(self, name: str) -> bool:
        """Show an event in a 3D view to the effect alone."""
        view = SimpleNamespace(className=lambda: "qMRMLThreeDWidget")
        event = getattr(vtk.vtkCommand, f"{name}Event")
        return self._editor.effect.self().processInteractionEvents(self._interactor, event, view)

    def key(self, name: str) -> bool:
        """Press a key."""
        return self.offer("KeyPress", key=name)


@contextmanager
def square_view(size: int) -> Iterator[SliceWidget]:
    """The red slice view, so many pixels wide and high."""
    # Closing the scene leaves the views where they are.
    node = slicer.mrmlScene.GetSingletonNode("Red", "vtkMRMLSliceNode")
    if node is None:
        node = slicer.mrmlScene.AddNode(slicer.vtkMRMLSliceNode())
        node.SetLayoutName("Red")
    node.SetDimensions(size, size, 1)
    yield slice_widget("Red")
    slicer.mrmlScene.RemoveNode(node)


def renderer_of(view: SliceWidget) -> Any:
    """The renderer that an effect draws with."""
    return view.renderer


def install() -> None:
    """Make what the effect imports importable, once in a process."""
    if "SegmentEditorEffects" in sys.modules:
        return
    base, effects = ModuleType("SegmentEditorEffects"), ModuleType("qSlicerSegmentationsEditorEffectsPythonQt")
    vars(base)["AbstractScriptedSegmentEditorEffect"] = AbstractScriptedSegmentEditorEffect
    vars(effects)["qSlicerSegmentEditorScriptedEffect"] = ScriptedEffect
    sys.modules.update({module.__name__: module for module in (base, effects)})
