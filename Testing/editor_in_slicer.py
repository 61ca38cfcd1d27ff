"""The Segment Editor of a running Slicer, as the tests of the effect use it; `host.segment_editor` elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import qt
import slicer
import vtk
from host.strokes import Place, Strokes

LARGEST = 16777215
"""What Qt takes for no limit."""


class Editor:
    """A `qMRMLSegmentEditorWidget` of its own, not shown, around one effect."""

    def __init__(self, effect_name: str) -> None:
        self._name = effect_name
        self.widget = slicer.qMRMLSegmentEditorWidget()
        self.widget.setMaximumNumberOfUndoStates(10)
        self.widget.setMRMLScene(slicer.mrmlScene)
        self.node: Any = None
        self.reset()
        self.effect = self.widget.effectByName(effect_name)

    def reset(self) -> None:
        """Take a new parameter set node, as after the scene was closed; segments may overlap."""
        self.node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
        self.node.SetOverwriteMode(self.node.OverwriteNone)
        self.widget.setMRMLSegmentEditorNode(self.node)

    def choose(self, volume: Any, segmentation: Any, segment_id: str = "") -> None:
        """Select nodes and a segment; another segmentation ends the effect."""
        self.widget.setSegmentationNode(segmentation)
        self.widget.setSourceVolumeNode(volume)
        self.node.SetSelectedSegmentID(segment_id)

    def activate(self) -> None:
        self.widget.setActiveEffectByName(self._name)

    def deactivate(self) -> None:
        self.widget.setActiveEffectByName("")

    def close(self) -> None:
        """Let the widget go."""
        self.deactivate()
        self.effect.self().cleanup()
        self.widget.deleteLater()
        slicer.app.processEvents()

    def lock(self) -> None:
        """Make the editor read-only."""
        self.widget.setReadOnly(True)

    @property
    def can_undo(self) -> bool:
        return bool(self._button("UndoButton").enabled)

    @property
    def can_redo(self) -> bool:
        return bool(self._button("RedoButton").enabled)

    def undo(self) -> None:
        self._button("UndoButton").click()

    def redo(self) -> None:
        self._button("RedoButton").click()

    def remove_segment(self) -> None:
        """Remove the segment that is selected."""
        self._button("RemoveSegmentButton").click()

    @contextmanager
    def answering(self, answer: str) -> Iterator[None]:
        """Have the next question answered with the button of this text."""
        timer = qt.QTimer()
        timer.interval = 50
        timer.timeout.connect(lambda: _press(answer))
        timer.start()
        yield
        timer.stop()

    def _button(self, name: str) -> Any:
        return slicer.util.findChild(self.widget, name)


def _press(text: str) -> None:
    dialog = slicer.app.activeModalWidget()
    for button in dialog.buttons() if dialog is not None else ():
        if button.text.replace("&", "") == text:
            button.click()


class Mouse(Strokes):
    """The left button and keys in a slice view: events of its interactor, which whoever observes it gets."""

    def __init__(self, editor: Editor, view: Any) -> None:
        self._editor, self._view = editor, view
        self._interactor = view.sliceView().interactor()

    def event(self, name: str, at: Place = (0, 0), ctrl: bool = False, shift: bool = False) -> bool:
        """Send an event; returns whether somebody kept it from the others."""
        self._set(at, ctrl, shift)
        return bool(self._interactor.InvokeEvent(f"{name}Event"))

    def offer(self, name: str, at: Place = (0, 0), shift: bool = False, key: str = "") -> bool:
        """Show an event to the effect alone; returns whether it would keep it from the others."""
        self._set(at, False, shift)
        self._interactor.SetKeySym(key)
        event = getattr(vtk.vtkCommand, f"{name}Event")
        return bool(self._editor.effect.self().processInteractionEvents(self._interactor, event, self._view))

    def offer_in_3d(self, name: str) -> bool:
        """Show an event in a 3D view to the effect alone."""
        event, view = getattr(vtk.vtkCommand, f"{name}Event"), slicer.app.layoutManager().threeDWidget(0)
        return bool(self._editor.effect.self().processInteractionEvents(view.threeDView().interactor(), event, view))

    def key(self, name: str) -> bool:
        """Press a key."""
        self._interactor.SetKeySym(name)
        return bool(self._interactor.InvokeEvent("KeyPressEvent"))

    def _set(self, at: Place, ctrl: bool, shift: bool) -> None:
        self._interactor.SetEventInformation(round(at[0]), round(at[1]), int(ctrl), int(shift))


@contextmanager
def square_view(size: int) -> Iterator[Any]:
    """The red slice view alone, so many pixels wide and high."""
    manager = slicer.app.layoutManager()
    before = manager.layout
    manager.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView)
    widget = manager.sliceWidget("Red")
    widget.sliceView().setFixedSize(size, size)
    while widget.mrmlSliceNode().GetDimensions()[:2] != (size, size):
        slicer.app.processEvents()
    yield widget
    widget.mrmlSliceNode().SetOrientation("Axial")
    widget.sliceView().setMinimumSize(0, 0)
    widget.sliceView().setMaximumSize(LARGEST, LARGEST)
    manager.setLayout(before)


def renderer_of(view: Any) -> Any:
    """The renderer that an effect draws with."""
    return view.sliceView().renderWindow().GetRenderers().GetFirstRenderer()
