"""Whether the pointer is over a slice view."""

from __future__ import annotations

from collections.abc import Callable

import slicer
import vtk
from slicer.util import VTKObservationMixin

from VistaSegLib.Later import Later

# Before the view's own observers, which may keep an event to themselves.
FIRST = 100.0


class SlicePointer(VTKObservationMixin):
    """Watches the slice views of the layout, and those that come.

    Args:
        onChanged: called with whether the pointer is over one now.
    """

    def __init__(self, onChanged: Callable[[bool], None]) -> None:
        super().__init__()
        self._onChanged = onChanged
        self._watching = Later(self._watchViews)

    def start(self) -> None:
        """Watch; the pointer counts as elsewhere until it moves into a view."""
        self.stop()
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.NodeAddedEvent, self._onAdded)
        self._watchViews()

    def stop(self) -> None:
        """Watch no longer."""
        self._watching.stop()
        self.removeObservers()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onAdded(self, _scene, _event, node) -> None:
        if node.IsA("vtkMRMLSliceNode"):
            self._watching.start()  # the layout makes its view from it

    def _watchViews(self) -> None:
        manager = slicer.app.layoutManager()
        for name in manager.sliceViewNames() if manager is not None else ():
            interactor = manager.sliceWidget(name).sliceView().interactor()
            for event, slot in (("EnterEvent", self._onEnter), ("LeaveEvent", self._onLeave)):
                if not self.hasObserver(interactor, event, slot):
                    self.addObserver(interactor, event, slot, priority=FIRST)

    def _onEnter(self, *_) -> None:
        self._onChanged(True)

    def _onLeave(self, *_) -> None:
        self._onChanged(False)
