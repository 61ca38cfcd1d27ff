"""Reports changes of the segments of the chosen segmentation."""

from __future__ import annotations

from collections.abc import Callable

import slicer
from slicer.util import VTKObservationMixin

from VistaSegLib.Later import Later

EVENTS = ("SegmentAdded", "SegmentRemoved", "SegmentModified", "SourceRepresentationModified", "SegmentsOrderModified")


class SegmentWatch(VTKObservationMixin):
    """Follows one segmentation at a time, and notices when nodes leave the scene.

    Args:
        onChanged: called once after any number of changes, when the application is idle again.
    """

    def __init__(self, onChanged: Callable[[], None]) -> None:
        super().__init__()
        self._segmentation = None
        self._later = Later(onChanged)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.NodeRemovedEvent, self._onEvent)

    def follow(self, segmentationNode) -> None:
        """Watch this node, or none."""
        segmentation = segmentationNode.GetSegmentation() if segmentationNode is not None else None
        if segmentation is self._segmentation:
            return
        self._observe(segmentation)
        self._later.start()

    def close(self) -> None:
        """Let go of all nodes."""
        self._later.stop()
        self.removeObservers()
        self._segmentation = None

    def _observe(self, segmentation) -> None:
        for event in EVENTS:
            if self._segmentation is not None:
                self.removeObserver(self._segmentation, getattr(slicer.vtkSegmentation, event), self._onEvent)
            if segmentation is not None:
                self.addObserver(segmentation, getattr(slicer.vtkSegmentation, event), self._onEvent)
        self._segmentation = segmentation

    def _onEvent(self, *_) -> None:
        self._later.start()
