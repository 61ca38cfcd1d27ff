"""Nodes and segments that are deleted or changed in mid-job."""

from __future__ import annotations

import time

import pytest
import slicer
from fake_model import FakeModel
from workspace_case import LEFT, Desk

from vistaseg.workspace.tasks import STOPPED_NOTE


@pytest.mark.parametrize("gone", ["volume", "segmentation", "segment", "voxels", "everything"])
def test_a_result_for_something_that_is_gone_is_dropped(desk: Desk, models: dict[str, FakeModel], gone: str) -> None:
    models["fake"].seconds_a_window = 0.05
    target, other = desk.target(), desk.target("other")
    desk.workspace.prompt(target, LEFT, desk.editing)
    time.sleep(0.03)
    if gone == "volume":
        desk.scene.RemoveNode(desk.volume_node)
    elif gone == "segmentation":
        desk.scene.RemoveNode(desk.segmentation_node)
    elif gone == "segment":
        desk.segmentation_node.GetSegmentation().RemoveSegment(target.segment_id)
    elif gone == "voxels":
        desk.volume_node.GetImageData().Modified()
    else:
        desk.scene.Clear(0)
    desk.finish()
    if gone in ("segment", "voxels"):
        assert not desk.mask(other).any()
    assert any("what it was for has changed or is gone" in text for text in desk.texts())


@pytest.mark.parametrize("gone", ["volume", "segmentation", "everything"])
def test_work_for_what_was_deleted_is_not_gone_on_with(desk: Desk, models: dict[str, FakeModel], gone: str) -> None:
    models["fake"].windows, models["fake"].seconds_a_window = 1000, 0.02
    target = desk.target()
    desk.workspace.segment(desk.volume_node, desk.segmentation_node, [3])
    desk.workspace.prompt(target, LEFT, desk.editing)
    time.sleep(0.03)
    if gone == "everything":
        desk.scene.Clear(0)
    else:
        desk.scene.RemoveNode(getattr(desk, f"{gone}_node"))
    desk.finish(2)
    assert desk.texts() == [STOPPED_NOTE]


def test_work_for_other_volumes_goes_on(desk: Desk, models: dict[str, FakeModel]) -> None:
    models["fake"].seconds_a_window = 0.05
    another = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Another")
    target = desk.target()
    desk.workspace.prompt(target, LEFT, desk.editing)
    time.sleep(0.03)
    desk.scene.RemoveNode(another)
    desk.finish()
    assert desk.mask(target).any() and desk.texts() == []


def test_nothing_is_left_of_a_closed_scene(desk: Desk) -> None:
    target = desk.target()
    desk.ask(target, LEFT)
    desk.scene.Clear(0)
    assert desk.workspace.prompts(target) == ()
    assert desk.workspace._volumes.get(target.volume_id) is None
    assert desk.workspace._links.get(target) is None
