"""A 4D CT: one volume node shows one time after the other, and segments stay with the time that they were made on."""

from __future__ import annotations

from typing import Any

import host
import numpy as np
import pytest
import slicer
from workspace_case import LEFT, RIGHT, Desk

from vistaseg.mrml.preconditions import remarks


class Times:
    """A sequence of two scans, shown by the volume node of a desk as its browser shows them."""

    def __init__(self, desk: Desk) -> None:
        scene, self.desk = desk.scene, desk
        self.sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "CT over time")
        for time in range(2):
            array = desk.volume.array.copy()
            array[::3] += np.int16(7 * time)
            slicer.util.updateVolumeFromArray(desk.volume_node, array)
            self.sequence.SetDataNodeAtValue(desk.volume_node, str(time))
        self.browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode")
        self.browser.SetAndObserveMasterSequenceNodeID(self.sequence.GetID())
        self.browser.AddProxyNode(desk.volume_node, self.sequence, False)
        self.show(0)

    def show(self, time: int) -> None:
        self.browser.SetSelectedItemNumber(time)
        if host.is_slicer():
            slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(self.browser)
        else:
            logic = slicer.vtkSlicerSequencesLogic()
            logic.SetMRMLScene(self.desk.scene)
            logic.UpdateProxyNodesFromSequences(self.browser)
            logic.SetMRMLScene(None)
        shown = slicer.util.arrayFromVolume(self.desk.volume_node)
        assert np.count_nonzero(shown != self.desk.volume.array) == time * shown[::3].size


@pytest.fixture
def times(desk: Desk) -> Times:
    return Times(desk)


def doubts(desk: Desk, *targets: Any) -> list[str]:
    """What an export says of segments that were made on something else."""
    found = remarks(desk.volume_node, desk.segmentation_node, [target.segment_id for target in targets])
    return [text for text in found if "other voxels" in text]


@pytest.mark.parametrize("made", ["clicked", "automatic"])
def test_an_export_names_the_segments_that_were_made_on_another_time(desk: Desk, times: Times, made: str) -> None:
    if made == "clicked":
        target = desk.target("moving")
        desk.ask(target, LEFT)
    else:
        (target,) = desk.segment(3)
    painted = desk.target("painted")
    desk.paint(painted)
    assert doubts(desk, target, painted) == []
    times.show(1)
    (text,) = doubts(desk, target, painted)
    assert target.segment(desk.scene).GetName() in text and "painted" not in text
    times.show(0)
    assert doubts(desk, target, painted) == []


def test_a_click_on_another_time_does_not_repeat_the_clicks_of_the_first(desk: Desk, times: Times) -> None:
    target = desk.target()
    desk.ask(target, LEFT)
    mask = desk.mask(target)
    times.show(1)
    assert desk.workspace.prompts(target) == ()
    desk.ask(target, RIGHT)
    assert any("earlier prompts on a belong to" in text for text in desk.texts())
    assert desk.workspace.prompts(target) == (RIGHT,)
    assert (desk.mask(target) >= mask).all()


def test_an_answer_that_comes_when_another_time_is_shown_is_not_written(desk: Desk, times: Times) -> None:
    target = desk.target()
    desk.workspace.prompt(target, LEFT, desk.editing)
    times.show(1)
    desk.finish()
    assert not desk.mask(target).any() and desk.workspace.prompts(target) == ()
