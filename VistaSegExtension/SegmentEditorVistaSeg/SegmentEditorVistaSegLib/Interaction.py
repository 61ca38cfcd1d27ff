"""The mouse in slice views: prompts are placed and picked; keys and buttons of the editor are left alone."""

from __future__ import annotations

from collections.abc import Callable
from math import dist

import vtk
from slicer.i18n import tr as _

from SegmentEditorVistaSegLib.Choice import volumeOf
from SegmentEditorVistaSegLib.Gestures import Click, Drag, Gesture, Position, Tool
from SegmentEditorVistaSegLib.Markers import Marker, gestureLines, markersOf, pick
from SegmentEditorVistaSegLib.MarkerViews import MarkerViews
from SegmentEditorVistaSegLib.Prompting import EffectPrompting
from SegmentEditorVistaSegLib.SliceGeometry import SlicePlane
from vistaseg.errors import VistaSegError
from vistaseg.prompts import Prompt

DELETE_KEYS = ("Delete", "BackSpace")
HINT_DISTANCE_MM = 10.0
"""So far the mouse goes before the place that it is at is prepared."""


class Interaction:
    """One for an effect while it is active.

    Args:
        scriptedEffect: whose views these are.
        prompting: takes the prompts.
        tool, removing: tell what the options say: the tool, and whether a click removes.
        onPicked: called when another prompt is picked, or none.
    """

    def __init__(
        self,
        scriptedEffect,
        prompting: EffectPrompting,
        tool: Callable[[], Tool],
        removing: Callable[[], bool],
        onPicked: Callable[[], None],
    ) -> None:
        self._effect, self._prompting = scriptedEffect, prompting
        self._tool, self._removing, self._onPicked = tool, removing, onPicked
        self._views = MarkerViews(scriptedEffect)
        self._gesture: Gesture | None = None
        self._gestureView = None
        self._hinted: tuple[float, float, float] | None = None
        self._picked: tuple[int, Prompt] | None = None
        self._handlers = {
            vtk.vtkCommand.LeftButtonPressEvent: self._onPress,
            vtk.vtkCommand.LeftButtonReleaseEvent: self._onRelease,
            vtk.vtkCommand.LeftButtonDoubleClickEvent: self._onDoubleClick,
            vtk.vtkCommand.MouseMoveEvent: self._onMove,
            vtk.vtkCommand.KeyPressEvent: self._onKey,
        }

    @property
    def picked(self) -> int | None:
        """Place of the prompt that is picked among those of the segment."""
        if self._picked is None:
            return None
        index, prompt = self._picked
        prompts = self._prompting.prompts
        return index if index < len(prompts) and prompts[index] == prompt else None

    def process(self, interactor, eventId: int, view) -> bool:
        """Handle an event; returns whether it ends here."""
        handler = self._handlers.get(eventId)
        if handler is None or view.className() != "qMRMLSliceWidget":
            return False
        return handler(interactor, view)

    def deletePicked(self) -> None:
        """Take the prompt back that is picked."""
        index = self.picked
        if index is not None:
            self._pick(None)
            self._prompting.remove(index)

    def draw(self) -> None:
        """Show the prompts as they are, in all views."""
        for view in self._views.views():
            self.drawView(view)

    def drawView(self, view) -> None:
        """Show the prompts as they are, in one view."""
        picked = self.picked
        lines = [line for marker in self._markers(view) for line in marker.lines(marker.index == picked)]
        if self._gesture is not None and view == self._gestureView:
            lines += gestureLines(self._gesture)
        self._views.draw(view, lines)

    def close(self) -> None:
        """Take everything off the views."""
        self._gesture = self._picked = None
        self._views.clear()

    def _onPress(self, interactor, view) -> bool:
        if interactor.GetShiftKey() or interactor.GetAltKey():
            return False
        if not self._prompting.ready():
            return True
        confirmed = self._effect.confirmCurrentSegmentVisible()
        if confirmed != self._effect.ConfirmedWithoutDialog:
            # The dialog got the release of the button: no gesture can begin here.
            return True
        position = _position(interactor)
        marker = pick(self._markers(view), position)
        if marker is not None and not interactor.GetControlKey():
            self._pick(marker)
            return True
        self._pick(None)
        if not self._prompting.shownIn(view.mrmlSliceNode()):
            return True
        positive = not (self._removing() or interactor.GetControlKey())
        self._gesture, self._gestureView = Gesture(self._tool(), position, positive), view
        return True

    def _onMove(self, interactor, view) -> bool:
        if self._gesture is None:
            self._hint(_position(interactor), view)
            return False
        if view == self._gestureView:
            self._gesture.move(_position(interactor))
            self.drawView(view)
        return True

    def _onRelease(self, interactor, view) -> bool:
        gesture, self._gesture = self._gesture, None
        if gesture is None:
            return False
        if view == self._gestureView:
            gesture.move(_position(interactor))
        self._finish(gesture, self._gestureView)
        self.drawView(self._gestureView)
        return True

    def _onDoubleClick(self, interactor, view) -> bool:
        """Two quick clicks do not enlarge the view."""
        return not interactor.GetShiftKey()

    def _onKey(self, interactor, view) -> bool:
        if interactor.GetKeySym() not in DELETE_KEYS or self.picked is None:
            return False
        self.deletePicked()
        return True

    def _finish(self, gesture: Gesture, view) -> None:
        plane = self._plane(view)
        if plane is None:
            return
        try:
            prompts = _promptsOf(gesture, plane)
        except VistaSegError as error:
            self._prompting.workspace.messages.add_error(error)
            return
        if prompts:
            self._prompting.ask(*prompts)
        else:
            self._prompting.workspace.messages.add(
                "info", _("A box says where the structure is. To remove, click, or choose Scribble and draw.")
            )

    def _hint(self, position: Position, view) -> None:
        plane, target = self._plane(view), self._prompting.target
        if plane is None or target is None:
            return
        world = plane.world(position)
        if self._hinted is None or dist(world, self._hinted) > HINT_DISTANCE_MM:
            self._hinted = world
            self._prompting.hint(target, world)

    def _pick(self, marker: Marker | None) -> None:
        picked = None if marker is None else (marker.index, marker.prompt)
        if picked != self._picked:
            self._picked = picked
            self._onPicked()

    def _markers(self, view) -> list[Marker]:
        plane = self._plane(view)
        return [] if plane is None else markersOf(self._prompting.prompts, plane)

    def _plane(self, view) -> SlicePlane | None:
        target = self._prompting.target
        return None if target is None else SlicePlane(view.sliceLogic().GetSliceNode(), volumeOf(target))


def _promptsOf(gesture: Gesture, plane: SlicePlane) -> list[Prompt]:
    shape = gesture.shape
    if isinstance(shape, Click):
        return [plane.point(shape.at, gesture.positive)]
    if isinstance(shape, Drag):
        return [plane.box(shape)] if gesture.positive else []
    return list(plane.scribble(shape, gesture.positive))


def _position(interactor) -> Position:
    x, y = interactor.GetEventPosition()
    return float(x), float(y)
