"""The effect in the Segment Editor of a running Slicer, with its own views and events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import host
import numpy as np
import pytest

if not host.is_slicer():
    pytest.skip("for inside a Slicer", allow_module_level=True)

import slicer
import vtk
from effect_case import PLACES
from host.mrml_nodes import add_scan, add_segmentation, full_mask
from host.strokes import Strokes
from waiting import wait_until

from vistaseg.mrml.transforms import to_world
from vistaseg.workspace import SegmentReference, Workspace


class Desk(Strokes):
    """The Segment Editor module with the effect active, before the phantom, and the red view."""

    def __init__(self, volume: Any, workspace: Workspace) -> None:
        self.volume, self.workspace = volume, workspace
        slicer.util.selectModule("SegmentEditor")
        self.editor = slicer.modules.SegmentEditorWidget.editor
        self.volumeNode = add_scan(volume)
        self.segmentationNode = add_segmentation(self.volumeNode)
        self.segments = {name: self.segmentationNode.GetSegmentation().AddEmptySegment("", name) for name in "ab"}
        self.editor.setSegmentationNode(self.segmentationNode)
        self.editor.setSourceVolumeNode(self.volumeNode)
        self.editor.setCurrentSegmentID(self.segments["a"])
        self.editor.mrmlSegmentEditorNode().SetOverwriteMode(slicer.vtkMRMLSegmentEditorNode.OverwriteNone)
        self.editor.setActiveEffectByName("VistaSeg")
        self.sliceWidget = slicer.app.layoutManager().sliceWidget("Red")
        self.interactor = self.sliceWidget.sliceView().interactor()

    @property
    def effect(self) -> Any:
        return self.editor.effectByName("VistaSeg").self()

    @property
    def ui(self) -> Any:
        return self.effect.options.ui

    def at(self, place: str) -> tuple[int, int]:
        """Where the view shows a place, after it was moved there."""
        world = to_world(self.volumeNode, PLACES[place])
        slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, *world, 0)
        slicer.app.processEvents()
        matrix = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(self.sliceWidget.mrmlSliceNode().GetXYToRAS(), matrix)
        x, y, *_ = matrix.MultiplyPoint((*world, 1))
        return round(x), round(y)

    def event(self, name: str, at: tuple[int, int], ctrl: bool = False) -> None:
        self.interactor.SetEventInformation(*at, int(ctrl), 0)
        self.interactor.InvokeEvent(f"{name}Event")

    def drag(self, *path: tuple[int, int], ctrl: bool = False) -> None:
        super().drag(*path, ctrl=ctrl)
        self.finish()

    def finish(self, seconds: float = 20.0) -> None:
        wait_until(lambda: not self.workspace.busy, slicer.app.processEvents, seconds)

    def prompts(self, name: str = "a") -> tuple[Any, ...]:
        ids = self.volumeNode.GetID(), self.segmentationNode.GetID(), self.segments[name]
        return self.workspace.prompts(SegmentReference(*ids))

    def mask(self, name: str = "a") -> np.ndarray:
        return full_mask(self.segmentationNode, self.segments[name], self.volumeNode)

    def region(self, value: int) -> np.ndarray:
        return self.volume.array == value


@pytest.fixture
def desk(scene: Any, phantom: Any, models: Any) -> Iterator[Desk]:
    from VistaSegLib import Host

    if not hasattr(slicer.modules, "segmenteditorvistaseg") or slicer.app.layoutManager() is None:
        pytest.skip("needs the module SegmentEditorVistaSeg and a main window")
    workspace = Workspace(scene, models.__getitem__)
    workspace.models = ("demo",)
    Host.use(workspace)
    affine = np.diag([-5.0, 6.0, 5.5, 1.0])
    affine[:3, 3] = -affine[:3, :3] @ ((np.array((40, 30, 40)) - 1) / 2)
    desk = Desk(phantom((40, 30, 40), affine), workspace)
    yield desk
    desk.editor.setActiveEffectByName("")
    Host.close()


def test_clicks_undo_and_redo(desk: Desk) -> None:
    desk.drag(desk.at("right"))
    assert np.array_equal(desk.mask(), desk.region(300))
    desk.drag(desk.at("left"))
    assert np.array_equal(desk.mask(), desk.region(300) | desk.region(600))
    desk.editor.undo()
    assert np.array_equal(desk.mask(), desk.region(300)) and len(desk.prompts()) == 1
    desk.editor.redo()
    assert np.array_equal(desk.mask(), desk.region(300) | desk.region(600)) and len(desk.prompts()) == 2
    desk.drag(desk.at("left"), ctrl=True)


def test_a_box_is_drawn_picked_and_deleted(desk: Desk) -> None:
    x, y = desk.at("right")
    desk.drag((x - 30, y - 30), (x, y), (x + 30, y + 30))
    assert len(desk.prompts()) == 1 and desk.mask().any()
    desk.drag((x - 30, y))
    desk.interactor.SetKeySym("Delete")
    desk.interactor.InvokeEvent("KeyPressEvent")
    desk.finish()
    assert desk.prompts() == () and not desk.mask().any()


def test_a_scribble(desk: Desk) -> None:
    x, y = desk.at("body")
    desk.ui.scribbleButton.click()
    desk.drag(*[(x - 30 + step, y) for step in range(0, 60, 3)])
    desk.ui.pointButton.click()
    assert 2 <= len(desk.prompts()) <= 6 and desk.mask().any()


def test_a_preview_is_applied_or_cancelled(desk: Desk) -> None:
    desk.ui.previewCheckBox.checked = True
    nodes = slicer.mrmlScene.GetNumberOfNodes()
    desk.drag(desk.at("right"))
    assert not desk.mask().any() and desk.effect.work.preview.shown
    desk.ui.refuseButton.click()
    assert desk.prompts() == ()
    desk.drag(desk.at("right"))
    desk.ui.acceptButton.click()
    desk.ui.previewCheckBox.checked = False
    assert np.array_equal(desk.mask(), desk.region(300))
    assert slicer.mrmlScene.GetNumberOfNodes() == nodes


def test_masking_and_overwriting_hold(desk: Desk) -> None:
    desk.editor.setCurrentSegmentID(desk.segments["b"])
    desk.drag(desk.at("right"))
    desk.editor.setCurrentSegmentID(desk.segments["a"])
    node = desk.editor.mrmlSegmentEditorNode()
    node.SetMaskMode(slicer.vtkMRMLSegmentationNode.EditAllowedOutsideAllSegments)
    x, y = desk.at("right")
    desk.drag((x - 60, y - 60), (x, y), (x + 60, y + 60))
    node.SetMaskMode(slicer.vtkMRMLSegmentationNode.EditAllowedEverywhere)
    assert desk.mask().any() and not (desk.mask() & desk.mask("b")).any()
    assert np.array_equal(desk.mask("b"), desk.region(300))


def test_auto_and_what_is_this(desk: Desk) -> None:
    desk.drag(desk.at("right"))
    desk.ui.whatButton.click()
    desk.finish()
    desk.ui.nameButton.click()
    segment = desk.segmentationNode.GetSegmentation().GetSegment(desk.segments["a"])
    assert segment.GetName() == "spleen"
    desk.ui.autoButton.click()
    desk.finish()
    assert np.array_equal(desk.mask(), desk.region(300))


def test_leaving_in_mid_job(desk: Desk, models: Any) -> None:
    models["demo"].seconds_a_window = 0.1
    nodes = slicer.mrmlScene.GetNumberOfNodes()
    at = desk.at("right")
    desk.event("LeftButtonPress", at)
    desk.event("LeftButtonRelease", at)
    desk.editor.setActiveEffectByName("Paint")
    desk.finish()
    assert not desk.mask().any() and desk.effect.work is None
    assert slicer.mrmlScene.GetNumberOfNodes() == nodes


def test_closing_the_scene_in_mid_job(desk: Desk, models: Any) -> None:
    models["demo"].seconds_a_window = 0.1
    at = desk.at("right")
    desk.event("LeftButtonPress", at)
    desk.event("LeftButtonRelease", at)
    slicer.mrmlScene.Clear(0)
    desk.finish()
    assert not slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode")
