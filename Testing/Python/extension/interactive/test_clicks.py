"""Clicks: what they segment, and the buttons that take them."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from host.mrml_nodes import full_mask
from panel_case import AIR, LEFT_KIDNEY, MIDDLES, RIGHT_KIDNEY, SPLEEN, add_rotation, ct_array, markers, prompt_rows


@pytest.mark.parametrize("value", [SPLEEN, RIGHT_KIDNEY, LEFT_KIDNEY])
@pytest.mark.parametrize("turned", [False, True])
def test_a_click_segments_the_voxel_under_the_cursor(case, section, value, turned):
    if turned:
        case.volume.SetAndObserveTransformNodeID(add_rotation().GetID())
    section.ui.positiveButton.click()
    case.click(MIDDLES[value])
    assert list(case.segments) == ["object 1"]
    assert np.array_equal(case.mask("object 1"), ct_array() == value)


def test_a_click_lands_right_where_the_volume_is_turned_after_its_segmentation_was_made(case, section):
    section.ui.positiveButton.click()
    case.click(MIDDLES[SPLEEN])
    case.volume.SetAndObserveTransformNodeID(add_rotation().GetID())
    section.ui.nextButton.click()
    case.click(MIDDLES[LEFT_KIDNEY])
    i, j, k = MIDDLES[LEFT_KIDNEY]
    assert full_mask(case.selection.segmentationNode, case.segments["object 2"], case.volume)[k, j, i]


def test_positive_and_negative_clicks_follow_one_another(case, section):
    section.ui.positiveButton.click()
    case.click(MIDDLES[SPLEEN])
    case.click(MIDDLES[LEFT_KIDNEY])
    section.ui.negativeButton.click()
    case.click(MIDDLES[SPLEEN])
    assert np.array_equal(case.mask("object 1"), ct_array() == LEFT_KIDNEY)
    assert [row.split()[:2] for row in prompt_rows(section)] == [["1", "+"], ["2", "+"], ["3", "−"]]


def test_a_first_click_on_what_it_is_not_is_kept(case, section):
    section.ui.negativeButton.click()
    case.click(MIDDLES[LEFT_KIDNEY])
    assert len(prompt_rows(section)) == 1
    section.ui.positiveButton.click()
    case.click(MIDDLES[SPLEEN])
    assert list(case.segments) == ["object 1"] and len(prompt_rows(section)) == 2


def test_a_click_outside_the_body_is_told_and_leaves_no_segment(case, section):
    section.ui.positiveButton.click()
    assert ct_array()[0, 0, 0] == AIR
    case.click((0, 0, 0))
    assert "outside the body" in case.workspace.messages.latest.text
    assert case.segments == {} and prompt_rows(section) == []
    case.click(MIDDLES[SPLEEN])
    assert np.array_equal(case.mask("object 1"), ct_array() == SPLEEN)


def test_cancelling_the_first_click_leaves_no_segment(case, section, models):
    models["demo"].windows, models["demo"].seconds_a_window = 50, 0.02
    section.ui.positiveButton.click()
    case.click(MIDDLES[SPLEEN], settle=False)
    for _ in range(20):
        slicer.app.processEvents()
    assert list(case.segments) == ["object 1"] and case.workspace.task is not None
    case.section("Progress").ui.cancelButton.click()
    case.settle()
    assert case.segments == {} and "Cancelled" in case.workspace.messages.latest.text
    assert case.selection.segmentationNode is None
    assert not slicer.util.getNodesByClass("vtkMRMLSegmentationNode")


@pytest.mark.parametrize("asked", ["click", "automatic"])
def test_deleting_the_volume_during_its_first_answer_leaves_no_segmentation(case, section, models, asked):
    models["demo"].windows, models["demo"].seconds_a_window = 50, 0.02
    if asked == "click":
        section.ui.positiveButton.click()
        case.click(MIDDLES[SPLEEN], settle=False)
    else:
        case.selection.parameters.classIds = "3"
        case.section("Automatic").ui.segmentButton.click()
    for _ in range(20):
        slicer.app.processEvents()
    assert slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    slicer.mrmlScene.RemoveNode(case.volume)
    case.settle()
    assert not slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    assert case.selection.segmentationNode is None


def test_messages_go_with_the_scene_and_with_the_next_step(case, section, models):
    section.ui.positiveButton.click()
    case.click((0, 0, 0))
    assert "outside the body" in case.workspace.messages.latest.text
    case.click(MIDDLES[SPLEEN])
    assert case.workspace.messages.latest is None and not case.section("Message").widget.visible
    case.click(MIDDLES[SPLEEN])
    assert "changed nothing" in case.workspace.messages.latest.text
    section.ui.undoButton.click()
    assert case.workspace.messages.latest.text.startswith("No voxel was changed")
    section.ui.undoButton.click()
    assert case.workspace.messages.latest is None
    case.click((0, 0, 0))
    models["demo"].windows, models["demo"].seconds_a_window = 50, 0.02
    case.click(MIDDLES[LEFT_KIDNEY], settle=False)
    slicer.mrmlScene.Clear(0)
    case.settle()
    assert case.workspace.messages.latest is None


def test_click_buttons_stay_on_and_exclude_one_another(case, section):
    ui = section.ui
    ui.positiveButton.click()
    case.click(MIDDLES[SPLEEN])
    assert (ui.positiveButton.checked, ui.negativeButton.checked) == (True, False)
    ui.negativeButton.click()
    assert (ui.positiveButton.checked, ui.negativeButton.checked) == (False, True)
    ui.negativeButton.click()
    assert not ui.negativeButton.checked
    interaction = slicer.mrmlScene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
    assert interaction.GetCurrentInteractionMode() == interaction.ViewTransform


def test_the_button_goes_off_where_the_user_leaves_the_place_mode(case, section):
    section.ui.positiveButton.click()
    interaction = slicer.mrmlScene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
    interaction.SetCurrentInteractionMode(interaction.ViewTransform)
    case.settle()
    assert not section.ui.positiveButton.checked


def test_the_button_goes_off_where_other_markups_take_the_clicks(case, section):
    section.ui.positiveButton.click()
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "the user's own")
    case.settle()
    assert not section.ui.positiveButton.checked


def test_without_a_volume_nothing_can_be_placed(case):
    section = case.section("Interactive")
    assert not section.ui.positiveButton.enabled and not section.ui.textLine.enabled
    assert "volume" in section.ui.reasonLabel.text


def test_deleting_the_volume_ends_placing(case, section):
    section.ui.positiveButton.click()
    case.click(MIDDLES[SPLEEN])
    slicer.mrmlScene.RemoveNode(case.volume)
    case.settle()
    assert not section.ui.positiveButton.checked and not section.ui.positiveButton.enabled
    assert markers() == ({}, 0)


def test_values_that_no_ct_has_are_told_after_the_first_click(case, section):
    values = slicer.util.arrayFromVolume(case.volume).astype(np.int32)
    values[0, 0, :3] = 64512
    slicer.util.updateVolumeFromArray(case.volume, values)
    section.ui.positiveButton.click()
    case.click(MIDDLES[SPLEEN])
    told = case.workspace.messages.latest
    assert told.level == "warning" and told.text.startswith("3 voxels are above 30,710 HU (up to 64,512)")
    assert case.section("Message").ui.textLabel.text == f"⚠ {told.text}"
