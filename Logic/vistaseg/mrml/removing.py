"""Removing many segments that share a label map, or setting them apart.

`vtkSegmentation` takes a segment out of a shared label map with two copies of the whole before it removes it, which
for a hundred segments of a CT takes up to a minute. A segment with a label map of its own goes at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Any

import numpy as np
import slicer
import vtk

from vistaseg.geometry.box import EMPTY_BOX, VoxelBox
from vistaseg.masks.label_boxes import label_boxes
from vistaseg.mrml.geometry import BINARY_LABELMAP, has_voxels
from vistaseg.mrml.modifying import one_modification
from vistaseg.mrml.sharing import release_labelmaps, shared_labelmaps, shares_labelmap, take_out

_FIRST = 1.0
"""Before the subject hierarchy hears of it, which removes the segments one by one."""

_TOGETHER = 2.0
"""Seconds between two removals that belong together; the removal of one takes up to half a second."""


def part_segments(segmentation_node: Any, ids: Collection[str]) -> None:
    """Let segments share label maps with one another alone; no mask changes.

    Of each label map the smaller part moves out. Ids that the node does not have are ignored.
    """
    segmentation, boxes, wanted = segmentation_node.GetSegmentation(), _Boxes(), set(ids)
    with one_modification(segmentation_node):
        for _, values in shared_labelmaps(segmentation_node):
            going, staying = values.keys() & wanted, values.keys() - wanted
            if going and staying:
                for segment_id in min(going, staying, key=len):
                    boxes.take_out(segmentation, segment_id)


def watch_removals(segmentation_node: Any) -> Callable[[], None]:
    """Have segments of a node removed quickly, also by other code; call what is returned to end it.

    Undo, and what removes all segments, goes by their order. So when one has been removed right after another, the
    next one gets a label map of its own. All segments would be too many: before it writes a file Slicer draws them
    into one again, which takes a second for each segment of a CT.
    """
    segmentation = segmentation_node.GetSegmentation()
    follower = _Follower(segmentation)
    tags = [
        segmentation.AddObserver(segmentation.SegmentRemoved, follower.prepare_next),
        segmentation.AddObserver(segmentation.SegmentAdded, follower.note_order),
        segmentation.AddObserver(segmentation.SegmentsOrderModified, follower.note_order),
    ]

    def stop() -> None:
        while tags:
            segmentation.RemoveObserver(tags.pop())

    return stop


class WatchedSegmentations:
    """Segmentation nodes of a scene that, like their segments, are removed quickly, also by other code.

    Once such a node is removed from the scene, its segments have no masks any more.
    """

    def __init__(self, scene: Any) -> None:
        self._scene = scene
        self._watched: dict[str, Callable[[], None]] = {}
        self._tags = [
            scene.AddObserver(slicer.vtkMRMLScene.NodeAboutToBeRemovedEvent, self._release, _FIRST),
            scene.AddObserver(slicer.vtkMRMLScene.StartCloseEvent, self._release_all, _FIRST),
        ]

    @contextmanager
    def changing(self, node: Any) -> Iterator[None]:
        """Do not act while a node is changed by who knows better, and watch it from then on."""
        self._leave(node)
        try:
            yield
        finally:
            self._watched[node.GetID()] = watch_removals(node)

    def close(self) -> None:
        """Watch nothing any more."""
        while self._tags:
            self._scene.RemoveObserver(self._tags.pop())
        while self._watched:
            self._watched.popitem()[1]()

    def _leave(self, node: Any) -> None:
        self._watched.pop(node.GetID(), _nothing)()

    @vtk.calldata_type(vtk.VTK_OBJECT)  # type: ignore[untyped-decorator]
    def _release(self, _scene: Any, _event: str, node: Any) -> None:
        if node.GetID() in self._watched:
            self._leave(node)
            release_labelmaps(node)

    def _release_all(self, *_: Any) -> None:
        for node_id in list(self._watched):
            self._release(None, "", self._scene.GetNodeByID(node_id))


def _nothing() -> None:
    """Nothing was watched."""


class _Boxes:
    """Where the values of a label map lie; it is gone through again only after another has changed it."""

    def __init__(self) -> None:
        # Of the label map; no two share one. Its array keeps its time where Slicer's own tools change voxels in place.
        self._time = 0
        self._boxes: dict[int, VoxelBox] = {}

    def take_out(self, segmentation: Any, segment_id: str) -> None:
        """Give a segment a label map of its own, if it shares one."""
        image = segmentation.GetSegment(segment_id).GetRepresentation(BINARY_LABELMAP)
        if not has_voxels(image) or not shares_labelmap(segmentation, segment_id):
            return
        known = image.GetMTime() == self._time

        def find(labels: np.ndarray, value: int) -> VoxelBox:
            if not known:
                self._boxes = label_boxes(labels)
            return self._boxes.get(value, EMPTY_BOX)

        take_out(segmentation, segment_id, find)
        self._time = image.GetMTime()


class _Follower:
    """Knows which segment followed one that has been removed."""

    def __init__(self, segmentation: Any) -> None:
        self._boxes = _Boxes()
        self._last = monotonic()
        self.note_order(segmentation)

    def note_order(self, segmentation: Any, _event: str = "") -> None:
        self._order = [] if segmentation is None else list(segmentation.GetSegmentIDs())

    def prepare_next(self, segmentation: Any, _event: str) -> None:
        before, last = self._order, self._last
        self.note_order(segmentation)
        if monotonic() - last < _TOGETHER:
            for segment_id in _following(before, set(self._order)):
                self._boxes.take_out(segmentation, segment_id)
        self._last = monotonic()


def _following(before: Sequence[str], left: Collection[str]) -> Sequence[str]:
    """What stood right behind the one that is gone, if it is left."""
    gone = next((n for n, segment_id in enumerate(before) if segment_id not in left), len(before))
    return [segment_id for segment_id in before[gone + 1 : gone + 2] if segment_id in left]
