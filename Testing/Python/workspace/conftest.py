"""A patient on an oblique grid under a rotated transform, and a workspace whose model answers at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from fake_model import FakeModel
from host.mrml_scene import scene

from vistaseg.mrml.editing import Change, SegmentEditing
from vistaseg.mrml.reading import read_mask
from vistaseg.segmentation import Extent
from vistaseg.volume import Volume
from vistaseg.workspace import Target, Workspace

__all__ = ["scene"]

SHAPE = (40, 30, 40)


class Desk:
    """What a test works with: the scene, one volume, one segmentation with an empty segment, and a workspace."""

    def __init__(self, scene: Any, volume: Volume, load: Callable[[str], FakeModel]) -> None:
        import slicer

        self.scene, self.volume = scene, volume
        self.volume_node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
        slicer.util.updateVolumeFromArray(self.volume_node, np.array(volume.array))
        self.volume_node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(volume.ijk_to_ras))
        self.segmentation_node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Segmentation")
        self.segmentation_node.CreateDefaultDisplayNodes()
        self.segmentation_node.SetReferenceImageGeometryParameterFromVolumeNode(self.volume_node)
        transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "Turned")
        transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(turned()))
        for node in (self.volume_node, self.segmentation_node):
            node.SetAndObserveTransformNodeID(transform.GetID())
        self.workspace = Workspace(scene, load)
        self.workspace.models = ("fake",)
        self.editing = SegmentEditing(self.segmentation_node, self.volume_node)

    def target(self, name: str = "a") -> Target:
        """A new, empty segment."""
        segment_id = self.segmentation_node.GetSegmentation().AddEmptySegment("", name)
        return Target(self.volume_node.GetID(), self.segmentation_node.GetID(), segment_id)

    def mask(self, target: Target) -> np.ndarray:
        """The segment as the scene has it, bool (k, j, i)."""
        whole = np.zeros(self.volume.array.shape, bool)
        mask, extent = read_mask(self.segmentation_node, target.segment_id, self.volume_node, self.volume.grid)
        whole[extent.slices] = mask
        return whole

    def paint(self, target: Target, extent: Extent) -> None:
        """Fill a box of a segment by hand."""
        everything = np.ones(extent.shape_kji, bool)
        self.editing.save_state()
        self.editing.apply(target.segment_id, Change(everything, ~everything, extent))

    def finish(self, seconds: float = 20.0) -> None:
        """Poll as a host does, until nothing is left to do."""
        end = time.monotonic() + seconds
        while self.workspace.busy:
            assert time.monotonic() < end, "the workspace does not come to rest"
            self.workspace.poll()
            time.sleep(0.002)

    def texts(self) -> list[str]:
        """What the user was told."""
        return [message.text for message in self.workspace.messages.all]


def turned() -> np.ndarray:
    """A rotation by 30° about S and a shift."""
    c, s = np.cos(np.pi / 6), np.sin(np.pi / 6)
    return np.array([[c, -s, 0, 12], [s, c, 0, -7], [0, 0, 1, 30], [0, 0, 0, 1.0]])


def oblique() -> np.ndarray:
    """IJK to RAS of a tilted, anisotropic, flipped grid around the phantom."""
    c, s = np.cos(0.2), np.sin(0.2)
    axes = np.array([[1, 0, 0], [0, c, -s], [0, s, c]]) @ np.diag([-5.0, 6.0, 5.5])
    affine = np.eye(4)
    affine[:3, :3] = axes
    affine[:3, 3] = -axes @ ((np.array(SHAPE) - 1) / 2)
    return affine


@pytest.fixture
def models() -> dict[str, FakeModel]:
    """The models that the workspace loads; tests may make them slow."""
    return {key: FakeModel(key) for key in ("fake", "other")}


@pytest.fixture
def desk(scene: Any, phantom: Any, models: dict[str, FakeModel]) -> Iterator[Desk]:
    desk = Desk(scene, phantom(SHAPE, oblique()), models.__getitem__)
    yield desk
    desk.editing.close()
    desk.workspace.close()
