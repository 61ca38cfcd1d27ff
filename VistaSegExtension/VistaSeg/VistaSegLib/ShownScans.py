"""Which scans the slice views of the layout show, and when that changes."""

from __future__ import annotations

from collections.abc import Callable

import slicer
import vtk
from slicer.util import VTKObservationMixin

from vistaseg.mrml.views import scan_instead
from VistaSegLib.Later import Later


class ShownScans(VTKObservationMixin):
    """Watches the slice views.

    Args:
        onChanged: called when they may show something else, once the application is idle.
    """

    def __init__(self, onChanged: Callable[[], None]) -> None:
        super().__init__()
        self._later = Later(onChanged)
        for event in (slicer.mrmlScene.NodeAddedEvent, slicer.mrmlScene.NodeRemovedEvent):
            self.addObserver(slicer.mrmlScene, event, self._onNode)
        for node in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
            self._watch(node)

    def close(self) -> None:
        """Watch no longer."""
        self._later.stop()
        self.removeObservers()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNode(self, _scene, _event, node) -> None:
        if node.IsA("vtkMRMLSliceCompositeNode"):
            self._watch(node)
        if node.IsA("vtkMRMLSliceCompositeNode") or node.IsA("vtkMRMLVolumeNode"):
            self._later.start()

    def _watch(self, node) -> None:
        if not self.hasObserver(node, vtk.vtkCommand.ModifiedEvent, self._onModified):
            self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self._onModified)

    def _onModified(self, *_) -> None:
        self._later.start()


def sliceNodes() -> list:
    """The nodes of the slice views that the layout shows."""
    return [node for node in slicer.util.getNodesByClass("vtkMRMLSliceNode") if node.IsMappedInLayout()]


def sliceNodesAtPointer() -> list:
    """The node of the slice view that the pointer is in; those of the layout where that is not known."""
    crosshair = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
    node = crosshair.GetCursorPositionXYZ([0.0, 0.0, 0.0]) if crosshair is not None else None
    return sliceNodes() if node is None else [node]


def scanInstead(volumeNode):
    """The scan that the layout shows while it does not show a volume, or None."""
    return scan_instead(sliceNodes(), volumeNode) if volumeNode is not None else None
