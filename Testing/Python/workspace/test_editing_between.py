"""Prompts between painting, undo and the rules of the editor."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from fake_model import FakeModel
from workspace_case import LEFT, RIGHT, SHAPE, Desk

from vistaseg.geometry.box import VoxelBox
from vistaseg.mrml.editing import SegmentEditing
from vistaseg.prompts import Point

MINUS_LEFT, MINUS_RIGHT = (Point(point.ras, positive=False) for point in (LEFT, RIGHT))


def test_undo_in_the_editor_takes_the_prompt_back_and_redo_brings_it_again(desk: Desk) -> None:
    target = desk.target()
    desk.ask(target, LEFT, RIGHT)
    both = desk.mask(target)
    desk.editing.undo()
    assert desk.workspace.prompts(target) == (LEFT,)
    desk.editing.redo()
    assert desk.workspace.prompts(target) == (LEFT, RIGHT)
    assert np.array_equal(desk.mask(target), both)
    desk.editing.undo()
    desk.editing.undo()
    assert desk.workspace.prompts(target) == ()
    assert not desk.mask(target).any()


def test_undo_while_a_prompt_is_answered_takes_back_what_it_takes_back(
    desk: Desk, models: dict[str, FakeModel]
) -> None:
    target = desk.target()
    desk.ask(target, LEFT)
    models["fake"].seconds_a_window = 0.05
    desk.workspace.prompt(target, RIGHT, desk.editing)
    desk.editing.undo()
    desk.finish()
    assert desk.workspace.prompts(target) == (RIGHT,)
    assert np.array_equal(desk.mask(target), desk.region(300))


@pytest.mark.parametrize("shown", [False, True])
def test_painting_in_between_becomes_what_the_next_prompt_starts_from(desk: Desk, shown: bool) -> None:
    target = desk.target()
    desk.ask(target, LEFT)
    desk.paint(target)
    if shown:
        assert desk.workspace.prompts(target) == ()
    desk.ask(target, RIGHT)
    assert desk.mask(target)[:2, :2, :2].all()
    assert desk.workspace.prompts(target) == (RIGHT,)
    record = desk.provenance(target)
    assert record["algorithm_type"] == "SEMIAUTOMATIC"
    assert len(record["corrected"]["prompts"]) == 1


@pytest.mark.parametrize("shown", [False, True])
def test_undone_painting_is_not_what_the_next_prompt_starts_from(desk: Desk, shown: bool) -> None:
    target = desk.target()
    desk.ask(target, LEFT)
    for change in (lambda: desk.paint(target), desk.editing.undo):
        change()
        if shown:
            desk.workspace.prompts(target)
    desk.ask(target, RIGHT)
    record = desk.provenance(target)
    assert len(record["prompts"]) == 2 and "corrected" not in record


def test_an_undone_correction_of_painting_is_forgotten(desk: Desk) -> None:
    target = desk.target()
    desk.ask(target, LEFT)
    desk.paint(target)
    desk.ask(target, RIGHT)
    desk.editing.undo()
    desk.editing.undo()
    desk.ask(target, RIGHT)
    record = desk.provenance(target)
    assert len(record["prompts"]) == 2 and "corrected" not in record


def test_what_nobody_recorded_is_told_from_nothing_and_comes_back_with_it(desk: Desk) -> None:
    target = desk.target()
    desk.paint(target)
    desk.ask(target, RIGHT)
    record = desk.provenance(target)
    assert len(record["prompts"]) == 1 and record["corrected"] == {}
    desk.workspace.clear(target, desk.editing)
    desk.finish()
    assert desk.provenance(target) == {}


def test_painting_while_a_prompt_is_answered_is_not_lost(desk: Desk, models: dict[str, FakeModel]) -> None:
    models["fake"].seconds_a_window = 0.05
    target = desk.target()
    desk.workspace.prompt(target, LEFT, desk.editing)
    desk.paint(target)
    desk.finish()
    assert desk.mask(target)[:2, :2, :2].all()
    assert desk.mask(target).sum() > 8
    assert desk.workspace.prompts(target) == (LEFT,)


def test_painting_while_a_prompt_is_answered_outlives_the_prompts(desk: Desk, models: dict[str, FakeModel]) -> None:
    target = desk.target()
    desk.ask(target, LEFT)
    models["fake"].seconds_a_window = 0.05
    desk.workspace.prompt(target, RIGHT, desk.editing)
    desk.paint(target)
    desk.finish()
    assert desk.workspace.prompts(target) == (RIGHT,)
    desk.workspace.clear(target, desk.editing)
    desk.finish()
    assert desk.mask(target)[:2, :2, :2].all()


def test_a_sibling_stays_as_it_is_under_what_overlaps_it(desk: Desk) -> None:
    sibling, target = desk.target("sibling"), desk.target()
    desk.paint(sibling, VoxelBox.whole(SHAPE))
    desk.ask(target, RIGHT)
    assert desk.mask(sibling).all()
    assert np.array_equal(desk.mask(target), desk.region(300))


def test_writing_under_the_rules_of_an_editor(desk: Desk) -> None:
    node = desk.scene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
    node.SetSourceVolumeIntensityMask(True)
    node.SetSourceVolumeIntensityMaskRange(290, 310)
    target = desk.target()
    editing = SegmentEditing(desk.segmentation_node, desk.volume_node, node)
    desk.workspace.prompt(target, LEFT, editing)
    desk.workspace.prompt(target, RIGHT, editing)
    desk.finish()
    assert np.array_equal(desk.mask(target), desk.region(300))
    editing.close()


def test_what_masking_keeps_back_is_neither_written_nor_remembered(desk: Desk) -> None:
    sibling, target = desk.target("sibling"), desk.target()
    node = desk.scene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
    node.SetMaskMode(slicer.vtkMRMLSegmentationNode.EditAllowedOutsideAllSegments)
    editing = SegmentEditing(desk.segmentation_node, desk.volume_node, node)
    right = np.argwhere(desk.region(300))[::2]
    low, high = right.min(axis=0)[::-1], right.max(axis=0)[::-1] + 1
    middle = VoxelBox(tuple(map(int, low)), (int(low[0] + high[0]) // 2, int(high[1]), int(high[2])))
    desk.paint(sibling, middle)
    before = desk.mask(sibling)
    assert before.any()
    desk.workspace.prompt(target, RIGHT, editing)
    desk.finish()
    assert np.array_equal(desk.mask(sibling), before)
    assert np.array_equal(desk.mask(target), desk.region(300) & ~before)
    kept = int((desk.region(300) & before).sum())
    assert any("masking" in text and f"{kept} voxels" in text for text in desk.texts())
    desk.ask(target, LEFT)
    assert np.array_equal(desk.mask(target), (desk.region(300) & ~before) | desk.region(600))
    assert desk.workspace.prompts(target) == (RIGHT, LEFT)


class TestPromptsWithoutEffect:
    """A prompt that changes no voxel is a step like any other, and says that it changed nothing."""

    def test_it_says_so(self, desk: Desk) -> None:
        target = desk.target()
        desk.ask(target, LEFT, LEFT)
        assert desk.texts() == [
            "Click 2 changed nothing: the segment holds already what was found there. Click where something is missing."
        ]
        desk.ask(target, MINUS_RIGHT)
        assert desk.texts()[-1].startswith("Click 3 changed nothing: nothing of the segment was found there.")

    def test_undo_takes_back_one_prompt_and_redo_brings_back_one(self, desk: Desk) -> None:
        target = desk.target()
        prompts = (LEFT, LEFT, RIGHT, MINUS_LEFT, MINUS_LEFT)
        desk.ask(target, *prompts)
        for count in (4, 3, 2, 1, 0):
            desk.editing.undo()
            assert desk.workspace.prompts(target) == prompts[:count]
        assert not desk.editing.can_undo
        for count in (1, 2, 3, 4, 5):
            desk.editing.redo()
            assert desk.workspace.prompts(target) == prompts[:count]
        assert np.array_equal(desk.mask(target), desk.region(300))

    def test_undo_after_it_leaves_the_automatic_result(self, desk: Desk) -> None:
        ids: list[str] = []
        desk.workspace.segment(desk.volume_node, desk.segmentation_node, [3], writer=desk.editing, on_done=ids.extend)
        desk.finish()
        (target,) = map(desk.target_of, ids)
        desk.ask(target, MINUS_LEFT)
        assert desk.provenance(target)["algorithm_type"] == "AUTOMATIC"
        desk.editing.undo()
        assert desk.workspace.prompts(target) == () and np.array_equal(desk.mask(target), desk.region(300))
        desk.editing.undo()
        assert target.segment(desk.scene) is None
        desk.editing.redo()
        assert np.array_equal(desk.mask(target), desk.region(300))

    @pytest.mark.parametrize("how", ["removed", "undone", "cleared"])
    @pytest.mark.parametrize("effect", [False, True])
    def test_without_its_only_prompt_a_segment_is_automatic_again_and_is_replaced(
        self, desk: Desk, how: str, effect: bool
    ) -> None:
        (target,) = desk.segment(3)
        made = desk.provenance(target)
        desk.ask(target, RIGHT if not effect else LEFT)
        if how == "removed":
            desk.workspace.remove_prompt(target, 0, desk.editing)
        elif how == "cleared":
            desk.workspace.clear(target, desk.editing)
        else:
            desk.editing.undo()
        desk.finish()
        assert desk.provenance(target) == made and desk.workspace.prompts(target) == ()
        assert desk.segment(3) == [target]
        assert desk.segmentation_node.GetSegmentation().GetNumberOfSegments() == 1

    def test_quick_prompts_are_a_step_each(self, desk: Desk, models: dict[str, FakeModel]) -> None:
        models["fake"].seconds_a_window = 0.02
        target = desk.target()
        for prompt in (LEFT, RIGHT, RIGHT):
            desk.workspace.prompt(target, prompt, desk.editing)
        desk.finish()
        for count in (2, 1, 0):
            desk.editing.undo()
            assert len(desk.workspace.prompts(target)) == count

    def test_undo_of_the_segment_editor_goes_back_one_prompt_as_well(self, desk: Desk) -> None:
        logic, node = slicer.vtkSlicerSegmentEditorLogic(), desk.scene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
        logic.SetMRMLScene(desk.scene)
        logic.SetSegmentEditorNode(node)
        node.SetAndObserveSegmentationNode(desk.segmentation_node)
        desk.editing = SegmentEditing(desk.segmentation_node, desk.volume_node, None, logic.SaveStateForUndo)
        target = desk.target()
        desk.ask(target, LEFT, LEFT, RIGHT)
        for prompts in ((LEFT, LEFT), (LEFT,), ()):
            logic.Undo()
            assert desk.workspace.prompts(target) == prompts
        logic.Redo()
        assert desk.workspace.prompts(target) == (LEFT,)
        logic.SetSegmentEditorNode(None)
