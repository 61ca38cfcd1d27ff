"""What the sections of the panel share: the volume, the segmentation, the segment, the models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer
import vtk
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from VistaSegLib.Editing import Editing
from VistaSegLib.Models import known, readyKeys
from VistaSegLib.SegmentationOfVolume import SegmentationOfVolume
from VistaSegLib.Unanswered import noteSegmentation


class Selection(VTKObservationMixin):
    """Kept in the parameter node, and so saved with the scene; between two scenes there is none.

    Another volume brings its own segmentation with it, see `SegmentationOfVolume`.

    Args:
        tell: says something to the user.

    Attributes:
        parameters: the parameter node, or None.
        editing: what writes into the segmentation, with undo.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__()
        self.parameters: Any = None
        self.editing = Editing(self)
        self._ofVolume = SegmentationOfVolume(self, tell)
        self._listeners: list[Callable[[], None]] = []

    def setParameters(self, parameters) -> None:
        """Take another parameter node, or None without a scene to keep it in."""
        self.removeObservers()
        self.parameters = parameters
        if parameters is None:
            self.editing.close()
        else:
            self.addObserver(parameters.parameterNode, vtk.vtkCommand.ModifiedEvent, self._onModified)
        self._ofVolume.update()
        self._tell()

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call the listener after each change of any parameter; returns how to stop."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @property
    def volumeNode(self):
        """The volume, or None."""
        return self.parameters.volume if self.parameters else None

    @volumeNode.setter
    def volumeNode(self, node) -> None:
        self.parameters.volume = node

    def chooseVolume(self) -> None:
        """Choose the first volume of the scene that has voxels, where none is chosen."""
        for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"):
            self.chooseIfNone(node)

    def chooseIfNone(self, node) -> None:
        """Choose a volume where none is chosen; not one that is hidden or has no voxels yet."""
        isScan = node.GetClassName() == "vtkMRMLScalarVolumeNode" and node.GetImageData() is not None
        if self.parameters is not None and self.volumeNode is None and isScan and not node.GetHideFromEditors():
            self.volumeNode = node

    @property
    def segmentationNode(self):
        """Where results go, or None."""
        return self.parameters.segmentation if self.parameters else None

    @segmentationNode.setter
    def segmentationNode(self, node) -> None:
        self.parameters.segmentation = node

    def requireSegmentationNode(self):
        """Where results go; a new segmentation of the volume where none is chosen, which goes if no result comes."""
        if self.segmentationNode is None:
            self.segmentationNode = newSegmentation(self.volumeNode)
            noteSegmentation(self.segmentationNode)
        return self.segmentationNode

    def removeSegmentation(self, node) -> None:
        """Take a segmentation out of the scene."""
        if self.segmentationNode is node:
            self.segmentationNode = None
        slicer.mrmlScene.RemoveNode(node)

    @property
    def segmentId(self) -> str:
        """The segment that prompts change, or "" where there is none yet or it is gone."""
        segmentId = self.parameters.segmentId if self.parameters else ""
        node = self.segmentationNode
        return segmentId if node and segmentId and node.GetSegmentation().GetSegment(segmentId) else ""

    @segmentId.setter
    def segmentId(self, segmentId: str) -> None:
        self.parameters.segmentId = segmentId

    @property
    def models(self) -> tuple[str, ...]:
        """Keys of the models in use, the preferred first; empty where weights have to be fetched."""
        return readyKeys(known(self.parameters.modelChoice)) if self.parameters else ()

    def _onModified(self, *_) -> None:
        self._ofVolume.update()
        self._tell()

    def _tell(self) -> None:
        for listener in list(self._listeners):
            listener()


def newSegmentation(volumeNode):
    """A segmentation on the grid of a volume and under its transform."""
    name = slicer.mrmlScene.GenerateUniqueName(_("{volume} segmentation").format(volume=volumeNode.GetName()))
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    node.CreateDefaultDisplayNodes()
    # The transform first: the geometry is in the coordinates of the segmentation.
    node.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
    node.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
    return node
