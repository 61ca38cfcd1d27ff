"""Answers that are looked at before they are written, several at once, and segments that become their class."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from workspace_case import LEFT, RIGHT, Desk


def test_a_proposal_changes_nothing_until_it_is_accepted(desk: Desk) -> None:
    target = desk.target()
    desk.propose(target, RIGHT, LEFT)
    assert not desk.mask(target).any() and not desk.editing.can_undo
    change = desk.workspace.proposal(target)
    assert change is not None and change.added.voxel_count == (desk.region(300) | desk.region(600)).sum()
    desk.workspace.accept(target, desk.editing)
    assert np.array_equal(desk.mask(target), desk.region(300) | desk.region(600))
    assert desk.workspace.prompts(target) == (RIGHT, LEFT) and desk.workspace.proposal(target) is None
    desk.editing.undo()
    assert not desk.mask(target).any() and desk.workspace.prompts(target) == ()


def test_a_refused_proposal_takes_its_prompts_back(desk: Desk) -> None:
    target = desk.target()
    desk.ask(target, RIGHT)
    desk.propose(target, LEFT)
    assert desk.workspace.prompts(target) == (RIGHT, LEFT)
    desk.workspace.refuse(target)
    assert desk.workspace.prompts(target) == (RIGHT,) and desk.workspace.proposal(target) is None
    assert np.array_equal(desk.mask(target), desk.region(300))


def test_painting_makes_a_proposal_void(desk: Desk) -> None:
    target = desk.target()
    desk.propose(target, RIGHT)
    other = desk.target("b")
    desk.ask(other, LEFT)
    segmentation = desk.segmentation_node.GetSegmentation()
    segmentation.GetSegment(target.segment_id).DeepCopy(segmentation.GetSegment(other.segment_id))
    assert desk.workspace.proposal(target) is None
    assert np.array_equal(desk.mask(target), desk.region(600))


def test_prompts_that_are_asked_together_are_one_step_to_undo(desk: Desk) -> None:
    target = desk.target()
    desk.workspace.prompt_together(target, [RIGHT, LEFT], desk.editing)
    desk.finish()
    assert desk.workspace.prompts(target) == (RIGHT, LEFT)
    desk.editing.undo()
    assert desk.workspace.prompts(target) == () and not desk.mask(target).any()


def test_a_segment_becomes_what_its_class_is_and_goes_on_from_there(desk: Desk) -> None:
    target = desk.target()
    desk.ask(target, LEFT)
    desk.workspace.segment_into(target, [3], desk.editing)
    desk.finish()
    assert np.array_equal(desk.mask(target), desk.region(300)) and desk.workspace.prompts(target) == ()
    record = desk.provenance(target)
    assert record["algorithm_type"] == "AUTOMATIC" and record["structures"] == [3]
    desk.editing.undo()
    assert desk.workspace.prompts(target) == (LEFT,)


def test_what_is_asked_of_one_segment_can_be_withdrawn(desk: Desk, models: Any) -> None:
    models["fake"].seconds_a_window = 0.1
    target, other = desk.target(), desk.target("b")
    desk.workspace.prompt(other, LEFT, desk.editing)
    desk.workspace.prompt(target, RIGHT, desk.editing)
    desk.workspace.prompt(target, LEFT, desk.editing)
    desk.workspace.withdraw(target)
    desk.finish()
    assert not desk.mask(target).any() and desk.workspace.prompts(target) == ()
    assert np.array_equal(desk.mask(other), desk.region(600))


def test_a_listener_that_asks_for_the_prompts_does_not_disturb_the_answer(desk: Desk) -> None:
    target = desk.target()
    stop = desk.workspace.listen(lambda: desk.workspace.prompts(target))
    for prompt in (RIGHT, LEFT):
        desk.workspace.prompt(target, prompt, desk.editing)
        desk.finish()
    stop()
    assert np.array_equal(desk.mask(target), desk.region(300) | desk.region(600))


@pytest.mark.parametrize("asked", ["prompt", "automatic"])
def test_painting_while_an_answer_is_worked_out_leaves_it_as_proposed(desk: Desk, models: Any, asked: str) -> None:
    models["fake"].seconds_a_window = 0.05
    target, corner = desk.target(), np.zeros(desk.volume.array.shape, dtype=bool)
    corner[:2, :2, :2] = True
    if asked == "prompt":
        desk.workspace.prompt(target, RIGHT, None)
    else:
        desk.workspace.segment_into(target, [3], None)
    desk.paint(target)
    desk.finish()
    change = desk.workspace.proposal(target)
    assert change is not None and not change.added.empty and change.removed.empty
    assert np.array_equal(desk.mask(target), corner)
    desk.workspace.accept(target, desk.editing)
    assert np.array_equal(desk.mask(target), corner | desk.region(300))


def test_a_proposal_after_painting_in_mid_job_can_be_refused(desk: Desk, models: Any) -> None:
    models["fake"].seconds_a_window = 0.05
    target = desk.target()
    desk.workspace.prompt(target, RIGHT, None)
    desk.paint(target)
    desk.finish()
    desk.workspace.refuse(target)
    assert desk.workspace.prompts(target) == () and desk.workspace.proposal(target) is None
    assert desk.mask(target).sum() == 8


def test_undo_while_an_answer_is_worked_out_leaves_it_as_proposed(desk: Desk, models: Any) -> None:
    target = desk.target()
    desk.ask(target, LEFT)
    models["fake"].seconds_a_window = 0.05
    desk.workspace.prompt(target, RIGHT, None)
    desk.editing.undo()
    desk.finish()
    assert not desk.mask(target).any() and desk.workspace.prompts(target) == (RIGHT,)
    desk.workspace.accept(target, desk.editing)
    assert np.array_equal(desk.mask(target), desk.region(300))
