"""Prompts on a segment, and what they lead to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fake_model import FakeModel
from workspace_case import BODY, LEFT, OUTSIDE, RIGHT, Desk

from vistaseg import catalog
from vistaseg.mrml.reading import segment_record
from vistaseg.prompts import Point, RegionOfInterest
from vistaseg.workspace import Workspace


def test_a_click_on_a_tilted_volume_under_a_transform_takes_what_was_clicked(desk: Desk) -> None:
    target = desk.target()
    desk.ask(target, RIGHT)
    assert np.array_equal(desk.mask(target), desk.region(300))
    assert desk.workspace.prompts(target) == (RIGHT,)


def test_a_box_and_a_negative_click(desk: Desk) -> None:
    target = desk.target()
    desk.ask(target, RegionOfInterest((20.0, -10.0, -40.0), (60.0, 30.0, 0.0)), Point(RIGHT.ras, positive=False))
    assert desk.mask(target).any()
    assert not (desk.mask(target) & desk.region(300)).any()


def test_prompts_that_come_quickly_are_all_answered(desk: Desk, models: dict[str, FakeModel]) -> None:
    models["fake"].seconds_a_window = 0.02
    target = desk.target()
    heard: list[Any] = []
    for prompt in (LEFT, OUTSIDE, RIGHT):
        desk.workspace.prompt(target, prompt, desk.editing, heard.append)
    desk.finish()
    assert desk.workspace.prompts(target) == (LEFT, RIGHT)
    assert len(heard) == 3
    assert any("outside" in text for text in desk.texts())


def test_cancelling_changes_nothing_and_says_so(desk: Desk, models: dict[str, FakeModel]) -> None:
    target = desk.target()
    desk.ask(target, LEFT)
    before = desk.mask(target)
    models["fake"].seconds_a_window = 0.1
    desk.workspace.prompt(target, RIGHT, desk.editing)
    desk.workspace.prompt(target, BODY, desk.editing)
    desk.workspace.poll()
    desk.workspace.cancel()
    desk.workspace.cancel()
    assert desk.workspace.task.title == "Cancelling: Answering on a"
    desk.finish()
    assert np.array_equal(desk.mask(target), before)
    assert desk.workspace.prompts(target) == (LEFT,)
    assert any("Cancelled" in text for text in desk.texts())
    assert desk.workspace.task is None


def test_prompts_can_be_removed_and_cleared(desk: Desk) -> None:
    target = desk.target()
    desk.ask(target, LEFT, RIGHT)
    desk.workspace.remove_prompt(target, 0, desk.editing)
    desk.finish()
    assert np.array_equal(desk.mask(target), desk.region(300))
    desk.workspace.clear(target, desk.editing)
    desk.finish()
    assert not desk.mask(target).any()
    assert desk.workspace.prompts(target) == ()
    desk.editing.undo()
    assert desk.workspace.prompts(target) == (RIGHT,)


def test_a_click_that_changes_nothing_is_a_step_that_undo_and_redo_go_over_alone(desk: Desk) -> None:
    target = desk.target()
    desk.ask(target, LEFT)
    before = desk.mask(target)
    desk.ask(target, LEFT)
    for go, prompts in ((desk.editing.undo, (LEFT,)), (desk.editing.redo, (LEFT, LEFT)), (desk.editing.undo, (LEFT,))):
        go()
        assert desk.workspace.prompts(target) == prompts
        assert before.any() and np.array_equal(desk.mask(target), before)


def test_a_click_that_changes_nothing_is_remembered_with_its_segment(desk: Desk) -> None:
    target = desk.target()
    desk.ask(target, LEFT, LEFT)
    later = Workspace(desk.scene, lambda key: FakeModel(key))
    try:
        assert later.prompts(target) == (LEFT, LEFT)
    finally:
        later.close()


def test_prompts_survive_another_set_of_models_and_another_workspace(desk: Desk) -> None:
    target = desk.target()
    desk.ask(target, LEFT)
    before = desk.mask(target)
    later = Workspace(desk.scene, lambda key: FakeModel(key))
    later.models = ("fake",)
    assert later.prompts(target) == (LEFT,)
    desk.workspace.close()
    desk.workspace = later
    desk.ask(target, RIGHT)
    assert later.prompts(target) == (LEFT, RIGHT)
    assert (desk.mask(target) >= before).all()


def test_a_segment_of_other_models_goes_on_from_its_mask(desk: Desk) -> None:
    target = desk.target()
    desk.ask(target, LEFT)
    before = desk.mask(target)
    desk.workspace.models = ("other",)
    desk.ask(target, RIGHT)
    assert desk.workspace.prompts(target) == (RIGHT,)
    assert (desk.mask(target) >= before).all()
    assert desk.provenance(target)["corrected"]["model"] == "fake"


def test_a_terminology_that_was_changed_by_hand_is_followed_and_the_conflict_is_said(desk: Desk) -> None:
    (target,) = desk.segment(1)
    segment = target.segment(desk.scene)
    segment.SetTag("TerminologyEntry", catalog.slicer_terminology_entry(catalog.get(3)))
    desk.ask(target, LEFT)
    assert segment_record(desk.segmentation_node, target.segment_id).structure_id == 3
    assert desk.workspace._volumes.get(target.volume_id).current._histories[target.key].class_id == 3
    assert any("named liver, but its terminology was changed to spleen" in text for text in desk.texts())
    segment.SetName("spleen")
    desk.workspace.messages.clear()
    desk.ask(target, RIGHT)
    assert desk.texts() == []


def test_a_segment_whose_terminology_was_changed_by_hand_is_not_replaced(desk: Desk) -> None:
    (target,) = desk.segment(1)
    target.segment(desk.scene).SetTag("TerminologyEntry", catalog.slicer_terminology_entry(catalog.get(3)))
    before = desk.mask(target)
    (spleen,) = desk.segment(3)
    assert spleen != target and np.array_equal(desk.mask(target), before)


@pytest.mark.parametrize("automatic", [False, True])
def test_a_click_asked_of_another_model_waits_for_the_answer_of_the_one_before(desk: Desk, automatic: bool) -> None:
    target = desk.target()
    if automatic:  # which every prompt waits for
        desk.workspace.segment(desk.volume_node, desk.segmentation_node, [3], writer=desk.editing)
    for model, prompt in (("fake", LEFT), ("other", RIGHT), ("fake", BODY)):
        desk.workspace.models = (model,)
        desk.workspace.prompt(target, prompt, desk.editing)
    desk.finish()
    assert not desk.texts() or not any("too late" in text for text in desk.texts())
    assert np.array_equal(desk.mask(target), desk.region(600) | desk.region(300) | desk.region(40))
