"""Reports scans that are added to the scene."""

from __future__ import annotations

from collections.abc import Callable

import slicer
import vtk
from slicer.util import VTKObservationMixin

from vistaseg.mrml.volumes import is_in_scene
from VistaSegLib.Later import Later


class VolumeArrivals(VTKObservationMixin):
    """Watches the scene for new scalar volumes.

    Args:
        onArrived: called with the node, when the application is idle again, as only then it has its voxels.
    """

    def __init__(self, onArrived: Callable[[object], None]) -> None:
        super().__init__()
        self._onArrived = onArrived
        self._nodes: list[object] = []
        self._later = Later(self._tell)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.NodeAddedEvent, self._onAdded)

    def close(self) -> None:
        """Watch no longer."""
        self._later.stop()
        self._nodes.clear()
        self.removeObservers()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onAdded(self, _scene, _event, node) -> None:
        if node.GetClassName() == "vtkMRMLScalarVolumeNode":
            self._nodes.append(node)
            self._later.start()

    def _tell(self) -> None:
        nodes, self._nodes = self._nodes, []
        for node in nodes:
            if is_in_scene(node):
                self._onArrived(node)
