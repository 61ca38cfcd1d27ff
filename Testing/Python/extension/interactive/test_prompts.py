"""Boxes and names, prompts that wait, and prompts that are taken back."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from panel_case import LEFT_KIDNEY, MIDDLES, SPLEEN, add_ct, ct_array, markers, place_point, prompt_rows, voxel_to_world

from vistaseg.prompts import Text


def test_a_box_of_two_corners_asks_for_what_is_in_it(case, section):
    section.ui.boxButton.click()
    place_point(voxel_to_world(case.volume, (4, 5, 5)))
    place_point(voxel_to_world(case.volume, (11, 12, 7)))
    case.settle()
    assert not section.ui.boxButton.checked and prompt_rows(section) == ["1  box"]
    mask = case.mask("object 1")
    i, j, k = MIDDLES[SPLEEN]
    assert mask[k, j, i] and mask.sum() < 0.2 * mask.size
    assert markers()[1] == 1


def test_a_name_is_answered_and_names_the_segment(case, section):
    section.ui.textLine.text = "spleen"
    section.ui.textLine.returnPressed.emit()
    case.settle()
    assert list(case.segments) == ["spleen"] and section.ui.textLine.text == ""
    segment = case.selection.segmentationNode.GetSegmentation().GetSegment(case.segments["spleen"])
    assert np.array_equal(case.mask("spleen"), ct_array() == SPLEEN)
    assert segment.GetColor() != (0.5, 0.5, 0.5) and prompt_rows(section) == ["1  “spleen”"]


def test_names_are_completed_from_the_catalogue(section):
    completer = section.ui.textLine.completer()
    completer.completionPrefix = "kidney"
    model = completer.completionModel()
    found = {model.index(row, 0).data() for row in range(model.rowCount())}
    assert {"left kidney", "right kidney"} <= found and "liver" not in found


def test_prompts_can_be_collected_and_answered_together(case, section):
    section.ui.answerAtOnceBox.click()
    section.ui.positiveButton.click()
    case.click(MIDDLES[SPLEEN])
    case.click(MIDDLES[LEFT_KIDNEY])
    assert not case.segments and section.ui.answerButton.text == "Answer 2 prompts"
    assert set(markers()[0]) == {"1", "2"} and all("waits" in row for row in prompt_rows(section))
    section.ui.answerButton.click()
    case.settle()
    assert np.array_equal(case.mask("object 1"), np.isin(ct_array(), (SPLEEN, LEFT_KIDNEY)))
    assert not section.ui.answerButton.enabled and not any("waits" in row for row in prompt_rows(section))


def test_switching_answering_on_answers_what_waits(case, section):
    section.ui.answerAtOnceBox.click()
    section.ui.positiveButton.click()
    case.click(MIDDLES[SPLEEN])
    section.ui.answerAtOnceBox.click()
    case.settle()
    assert case.mask("object 1").any()


def test_what_waits_for_an_answer_does_not_outlive_its_scene(case, section):
    section.ui.answerAtOnceBox.click()
    section.ui.positiveButton.click()
    case.click(MIDDLES[SPLEEN])
    slicer.mrmlScene.Clear(0)
    case.selection.volumeNode = add_ct()  # has the name and number of the one before
    case.settle()
    assert prompt_rows(section) == [] and not section.ui.answerButton.enabled


def test_undo_and_redo_take_prompts_and_voxels_along(case, section):
    ui = section.ui
    assert not ui.undoButton.enabled
    ui.positiveButton.click()
    case.click(MIDDLES[SPLEEN])
    case.click(MIDDLES[LEFT_KIDNEY])
    ui.undoButton.click()
    case.settle()
    assert np.array_equal(case.mask("object 1"), ct_array() == SPLEEN) and len(prompt_rows(section)) == 1
    ui.redoButton.click()
    case.settle()
    assert case.mask("object 1").sum() == np.isin(ct_array(), (SPLEEN, LEFT_KIDNEY)).sum()
    assert len(prompt_rows(section)) == 2 and not ui.redoButton.enabled


def test_undo_takes_back_only_the_click_that_changed_nothing(case, section):
    section.ui.positiveButton.click()
    case.click(MIDDLES[SPLEEN])
    case.click(MIDDLES[SPLEEN])
    assert len(prompt_rows(section)) == 2
    section.ui.undoButton.click()
    case.settle()
    assert len(prompt_rows(section)) == 1 and np.array_equal(case.mask("object 1"), ct_array() == SPLEEN)


def test_one_prompt_can_be_taken_back_and_all_can(case, section):
    section.ui.positiveButton.click()
    case.click(MIDDLES[SPLEEN])
    case.click(MIDDLES[LEFT_KIDNEY])
    assert not section.ui.removeButton.enabled
    tree = section.ui.promptTree
    tree.setCurrentItem(tree.topLevelItem(0))
    section.ui.removeButton.click()
    case.settle()
    assert np.array_equal(case.mask("object 1"), ct_array() == LEFT_KIDNEY) and len(prompt_rows(section)) == 1
    section.ui.clearButton.click()
    case.settle()
    assert not case.mask("object 1").any() and prompt_rows(section) == [] and markers() == ({}, 0)


def test_a_name_that_cannot_be_looked_up_leaves_nothing_behind(case, section, monkeypatch):
    """As in a Slicer that lacks a package."""

    def fail(_text):
        raise ImportError("no such package")

    monkeypatch.setattr("vistaseg.catalog.by_name", fail)
    with pytest.raises(ImportError):
        section._prompting.ask(Text("spleen"))
    case.settle()
    assert slicer.util.getNodesByClass("vtkMRMLSegmentationNode") == []
    assert prompt_rows(section) == []
