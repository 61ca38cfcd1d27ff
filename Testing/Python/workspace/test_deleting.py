"""Nodes and segments that are deleted or changed in mid-job."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
import slicer
from fake_model import FakeModel
from workspace_case import LEFT, RIGHT, Desk

from vistaseg.errors import InputError
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


def test_a_prompt_whose_volume_was_edited_meanwhile_is_not_listed_as_answered(
    desk: Desk, models: dict[str, FakeModel]
) -> None:
    target = desk.target()
    desk.ask(target, RIGHT)
    models["fake"].seconds_a_window = 0.05
    desk.workspace.prompt(target, LEFT, desk.editing)
    time.sleep(0.3)
    desk.volume_node.GetImageData().Modified()
    desk.finish()
    assert any("has changed or is gone" in text for text in desk.texts())
    assert desk.workspace.prompts(target) == (RIGHT,)
    assert np.array_equal(desk.mask(target), desk.region(300))


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_segmentation_that_became_surfaces_takes_no_prompt_and_says_how_it_can(
    desk: Desk, models: dict[str, FakeModel], when: str
) -> None:
    target = desk.target()
    desk.ask(target, RIGHT)
    if when == "before":
        become_surfaces(desk.segmentation_node)
        with pytest.raises(InputError, match="convert it, or choose a new segmentation"):
            desk.workspace.prompt(target, LEFT, desk.editing)
        with pytest.raises(InputError, match="convert it, or choose a new segmentation"):
            desk.workspace.segment(desk.volume_node, desk.segmentation_node, [3], writer=desk.editing)
    else:
        models["fake"].seconds_a_window = 0.05
        desk.workspace.prompt(target, LEFT, desk.editing)
        become_surfaces(desk.segmentation_node)
        desk.finish()
        assert any("convert it" in text for text in desk.texts())
    assert desk.workspace.prompts(target) in ((RIGHT,), ())  # nearly the same voxels, or not
    assert not any("masking" in text for text in desk.texts())


def become_surfaces(node: Any) -> None:
    node.CreateClosedSurfaceRepresentation()
    segmentation = node.GetSegmentation()
    segmentation.SetSourceRepresentationName("Closed surface")
    segmentation.RemoveRepresentation("Binary labelmap")
