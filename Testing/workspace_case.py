"""A workspace before a patient on an oblique grid under a rotated transform: what the tests of the workspace share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from host.mrml_nodes import add_scan, add_segmentation, full_mask
from waiting import wait_until

from vistaseg.geometry.box import VoxelBox
from vistaseg.masks.boxed import MaskChange
from vistaseg.mrml.editing import SegmentEditing
from vistaseg.mrml.reading import segment_record
from vistaseg.mrml.transforms import matrix_from_array
from vistaseg.prompts import Point, Prompt
from vistaseg.volume import Volume
from vistaseg.workspace import SegmentReference, Workspace
from vistaseg.workspace.writer import Writer

SHAPE = (40, 30, 40)
BODY, LEFT, RIGHT = Point((0.0, 0.0, 0.0)), Point((-40.0, 10.0, 33.0)), Point((40.0, 10.0, -20.0))
OUTSIDE = Point((500.0, 0.0, 0.0))
CORNER = VoxelBox((0, 0, 0), (2, 2, 2))
"""Eight voxels far from all of these."""


class Desk:
    """What a test works with: the scene, one volume, one segmentation, and a workspace."""

    def __init__(self, scene: Any, volume: Volume, load: Callable[[str], Any]) -> None:
        self.scene, self.volume = scene, volume
        self.volume_node = add_scan(volume)
        self.segmentation_node = add_segmentation(self.volume_node)
        transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "Turned")
        transform.SetMatrixTransformToParent(matrix_from_array(turned()))
        for node in (self.volume_node, self.segmentation_node):
            node.SetAndObserveTransformNodeID(transform.GetID())
        self.workspace = Workspace(scene, load)
        self.workspace.models = ("fake",)
        self.editing = SegmentEditing(self.segmentation_node, self.volume_node)

    def target(self, name: str = "a") -> SegmentReference:
        """A new, empty segment."""
        return self.target_of(self.segmentation_node.GetSegmentation().AddEmptySegment("", name))

    def target_of(self, segment_id: str) -> SegmentReference:
        return SegmentReference(self.volume_node.GetID(), self.segmentation_node.GetID(), segment_id)

    def segment(self, *class_ids: int) -> list[SegmentReference]:
        """Segment classes automatically; returns the new segments."""
        ids: list[str] = []
        self.workspace.segment(self.volume_node, self.segmentation_node, class_ids, on_done=ids.extend)
        self.finish()
        return [self.target_of(each) for each in ids]

    def ask(self, target: SegmentReference, *prompts: Prompt) -> None:
        """Have prompts answered one after the other, and the answers written."""
        self._ask(target, prompts, self.editing)

    def propose(self, target: SegmentReference, *prompts: Prompt) -> None:
        """Have prompts answered one after the other, and the answers only proposed."""
        self._ask(target, prompts, None)

    def _ask(self, target: SegmentReference, prompts: tuple[Prompt, ...], writer: Writer | None) -> None:
        for prompt in prompts:
            self.workspace.prompt(target, prompt, writer)
            self.finish()

    def mask(self, target: SegmentReference) -> np.ndarray:
        """The segment as the scene has it, bool (k, j, i)."""
        return full_mask(self.segmentation_node, target.segment_id, self.volume_node)

    def region(self, low: int, high: int | None = None) -> np.ndarray:
        """Voxels of one HU, or of a range of them, bool (k, j, i)."""
        return (self.volume.array >= low) & (self.volume.array <= (low if high is None else high))

    def provenance(self, target: SegmentReference) -> dict[str, Any]:
        """How the segment was made."""
        return segment_record(self.segmentation_node, target.segment_id).provenance

    def paint(self, target: SegmentReference, extent: VoxelBox = CORNER) -> None:
        """Fill a box of a segment by hand."""
        everything = np.ones(extent.shape_kji, bool)
        with self.editing.step():
            self.editing.apply(target.segment_id, MaskChange.in_box(everything, ~everything, extent))

    def finish(self, seconds: float = 20.0) -> None:
        """Poll as a host does, until nothing is left to do."""
        wait_until(lambda: not self.workspace.busy, self.workspace.poll, seconds)

    def texts(self) -> list[str]:
        """What the user was told."""
        return [message.text for message in self.workspace.messages.all]


def turned() -> np.ndarray:
    """A rotation by 30° about S and a shift."""
    c, s = np.cos(np.pi / 6), np.sin(np.pi / 6)
    return np.array([[c, -s, 0, 12], [s, c, 0, -7], [0, 0, 1, 30], [0, 0, 0, 1.0]])
