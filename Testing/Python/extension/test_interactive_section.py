"""One structure by clicks, boxes and names: what each does to the segment, the views, the list and the scene."""

from __future__ import annotations

import numpy as np
import pytest

qt = pytest.importorskip("qt", reason="no Qt: see CONTRIBUTING.md for the libraries that it needs")
slicer = pytest.importorskip("slicer")

from host import module_manager
from panel_case import (
    AIR,
    LEFT_KIDNEY,
    MIDDLES,
    RIGHT_KIDNEY,
    SPLEEN,
    add_ct,
    add_rotation,
    ct_array,
    load_scene,
    place_point,
    save_scene,
    voxel_to_world,
)

from vistaseg.mrml.reading import read_mask
from vistaseg.mrml.volumes import grid_of


@pytest.fixture
def section(case):
    case.volume = add_ct()
    case.selection.volumeNode = case.volume
    return case.section("Interactive")


def full_mask(mask, extent):
    whole = np.zeros(ct_array().shape, bool)
    whole[extent.slices] = mask
    return whole


def rows(section):
    tree = section.ui.promptTree
    return [tree.topLevelItem(place).text(0) for place in range(tree.topLevelItemCount)]


def markers():
    """Label → world position of every point that is shown, and the number of boxes."""
    nodes = [
        node
        for kind in ("vtkMRMLMarkupsFiducialNode", "vtkMRMLMarkupsROINode")
        for node in slicer.util.getNodesByClass(kind)
        if node.GetLocked()
    ]
    points = [node for node in nodes if node.IsA("vtkMRMLMarkupsFiducialNode")]
    placed = {
        node.GetNthControlPointLabel(n): (tuple(node.GetNthControlPointPositionWorld(n)), node.GetName())
        for node in points
        for n in range(node.GetNumberOfControlPoints())
    }
    return placed, len(nodes) - len(points)


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
    voxels = read_mask(case.selection.segmentationNode, case.segments["object 2"], case.volume, grid_of(case.volume))
    i, j, k = MIDDLES[LEFT_KIDNEY]
    assert full_mask(*voxels)[k, j, i]


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


def test_positive_and_negative_clicks_follow_one_another(case, section):
    section.ui.positiveButton.click()
    case.click(MIDDLES[SPLEEN])
    case.click(MIDDLES[LEFT_KIDNEY])
    section.ui.negativeButton.click()
    case.click(MIDDLES[SPLEEN])
    assert np.array_equal(case.mask("object 1"), ct_array() == LEFT_KIDNEY)
    assert [row.split()[:2] for row in rows(section)] == [["1", "+"], ["2", "+"], ["3", "−"]]


def test_prompts_are_shown_with_their_numbers_where_they_were_placed(case, section):
    case.volume.SetAndObserveTransformNodeID(add_rotation().GetID())
    section.ui.positiveButton.click()
    case.click(MIDDLES[SPLEEN])
    section.ui.negativeButton.click()
    case.click(MIDDLES[LEFT_KIDNEY])
    placed, _ = markers()
    assert placed["1"][0] == pytest.approx(voxel_to_world(case.volume, MIDDLES[SPLEEN]), abs=1e-3)
    assert placed["2"][0] == pytest.approx(voxel_to_world(case.volume, MIDDLES[LEFT_KIDNEY]), abs=1e-3)
    assert placed["1"][1] != placed["2"][1]
    section.ui.showButton.click()
    assert markers() == ({}, 0)
    section.ui.showButton.click()
    assert set(markers()[0]) == {"1", "2"}


def test_another_click_keeps_the_marker_nodes_that_are_there(case, section):
    section.ui.positiveButton.click()
    case.click(MIDDLES[SPLEEN])
    added = []
    tag = slicer.mrmlScene.AddObserver(slicer.mrmlScene.NodeAddedEvent, lambda *_: added.append(1))
    case.click(MIDDLES[LEFT_KIDNEY])
    assert set(markers()[0]) == {"1", "2"}
    chosen, case.selection.segmentId = case.selection.segmentId, ""
    case.settle()
    assert not markers()[0]
    case.selection.segmentId = chosen
    case.settle()
    slicer.mrmlScene.RemoveObserver(tag)
    assert set(markers()[0]) == {"1", "2"} and not added
    section.ui.promptTree.setCurrentItem(section.ui.promptTree.topLevelItem(0))
    section.ui.removeButton.click()
    case.settle()
    shown = markers()[0]
    assert set(shown) == {"1"}
    assert shown["1"][0] == pytest.approx(voxel_to_world(case.volume, MIDDLES[LEFT_KIDNEY]), abs=1e-3)


def test_a_box_of_two_corners_asks_for_what_is_in_it(case, section):
    section.ui.boxButton.click()
    place_point(voxel_to_world(case.volume, (4, 5, 5)))
    place_point(voxel_to_world(case.volume, (11, 12, 7)))
    case.settle()
    assert not section.ui.boxButton.checked and rows(section) == ["1  box"]
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
    assert segment.GetColor() != (0.5, 0.5, 0.5) and rows(section) == ["1  “spleen”"]


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
    assert set(markers()[0]) == {"1", "2"} and all("waits" in row for row in rows(section))
    section.ui.answerButton.click()
    case.settle()
    assert np.array_equal(case.mask("object 1"), np.isin(ct_array(), (SPLEEN, LEFT_KIDNEY)))
    assert not section.ui.answerButton.enabled and not any("waits" in row for row in rows(section))


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
    assert rows(section) == [] and not section.ui.answerButton.enabled


def test_next_object_goes_on_with_a_new_segment(case, section):
    section.ui.positiveButton.click()
    case.click(MIDDLES[SPLEEN])
    section.ui.nextButton.click()
    assert section.ui.segmentCombo.currentText == "New segment" and rows(section) == []
    assert section.ui.positiveButton.checked
    case.click(MIDDLES[LEFT_KIDNEY])
    assert list(case.segments) == ["object 1", "object 2"]
    assert section.ui.segmentCombo.currentText == "object 2"
    assert np.array_equal(case.mask("object 1"), ct_array() == SPLEEN)
    section.ui.segmentCombo.setCurrentIndex(1)
    assert len(rows(section)) == 1 and "1" in markers()[0]


def test_a_segment_that_somebody_painted_can_be_corrected(case, section):
    node = case.selection.requireSegmentationNode()
    segment_id = node.GetSegmentation().AddEmptySegment("", "painted")
    painted = np.zeros(ct_array().shape, np.uint8)
    painted[9:13, 5:12, 4:12] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(painted, node, segment_id, case.volume)
    case.settle()
    section.ui.segmentCombo.setCurrentIndex(1)
    section.ui.negativeButton.click()
    case.click(MIDDLES[RIGHT_KIDNEY])
    mask = case.mask("painted")
    assert mask.any() and not (mask & (ct_array() == RIGHT_KIDNEY)).any()
    assert (mask <= painted.astype(bool)).all()


def test_undo_and_redo_take_prompts_and_voxels_along(case, section):
    ui = section.ui
    assert not ui.undoButton.enabled
    ui.positiveButton.click()
    case.click(MIDDLES[SPLEEN])
    case.click(MIDDLES[LEFT_KIDNEY])
    ui.undoButton.click()
    case.settle()
    assert np.array_equal(case.mask("object 1"), ct_array() == SPLEEN) and len(rows(section)) == 1
    ui.redoButton.click()
    case.settle()
    assert case.mask("object 1").sum() == np.isin(ct_array(), (SPLEEN, LEFT_KIDNEY)).sum()
    assert len(rows(section)) == 2 and not ui.redoButton.enabled


def test_one_prompt_can_be_taken_back_and_all_can(case, section):
    section.ui.positiveButton.click()
    case.click(MIDDLES[SPLEEN])
    case.click(MIDDLES[LEFT_KIDNEY])
    assert not section.ui.removeButton.enabled
    tree = section.ui.promptTree
    tree.setCurrentItem(tree.topLevelItem(0))
    section.ui.removeButton.click()
    case.settle()
    assert np.array_equal(case.mask("object 1"), ct_array() == LEFT_KIDNEY) and len(rows(section)) == 1
    section.ui.clearButton.click()
    case.settle()
    assert not case.mask("object 1").any() and rows(section) == [] and markers() == ({}, 0)


def test_a_click_outside_the_body_is_told_and_leaves_no_segment(case, section):
    section.ui.positiveButton.click()
    assert ct_array()[0, 0, 0] == AIR
    case.click((0, 0, 0))
    assert "outside the body" in case.workspace.messages.latest.text
    assert case.segments == {} and rows(section) == []
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


def test_a_first_click_on_what_it_is_not_is_kept(case, section):
    section.ui.negativeButton.click()
    case.click(MIDDLES[LEFT_KIDNEY])
    assert len(rows(section)) == 1
    section.ui.positiveButton.click()
    case.click(MIDDLES[SPLEEN])
    assert list(case.segments) == ["object 1"] and len(rows(section)) == 2


def test_markers_are_shown_only_while_the_panel_is(case, section):
    section.ui.positiveButton.click()
    case.click(MIDDLES[SPLEEN])
    shown = markers()
    case.panel.exit()
    assert markers() != shown
    case.panel.enter()
    assert markers() == shown


def test_the_button_goes_off_where_other_markups_take_the_clicks(case, section):
    section.ui.positiveButton.click()
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "the user's own")
    case.settle()
    assert not section.ui.positiveButton.checked


def test_without_a_volume_nothing_can_be_placed(case):
    section = case.section("Interactive")
    assert not section.ui.positiveButton.enabled and not section.ui.textLine.enabled
    assert "volume" in section.ui.reasonLabel.text


def test_renaming_and_deleting_the_segment_is_followed(case, section):
    section.ui.positiveButton.click()
    case.click(MIDDLES[SPLEEN])
    segmentation = case.selection.segmentationNode.GetSegmentation()
    segmentation.GetSegment(case.segments["object 1"]).SetName("milt")
    case.settle()
    assert section.ui.segmentCombo.currentText == "milt"
    segmentation.RemoveSegment(case.segments["milt"])
    case.settle()
    assert section.ui.segmentCombo.currentText == "New segment" and rows(section) == []
    assert markers() == ({}, 0)
    case.click(MIDDLES[LEFT_KIDNEY])
    assert np.array_equal(case.mask("object 1"), ct_array() == LEFT_KIDNEY)


def test_deleting_the_volume_ends_placing(case, section):
    section.ui.positiveButton.click()
    case.click(MIDDLES[SPLEEN])
    slicer.mrmlScene.RemoveNode(case.volume)
    case.settle()
    assert not section.ui.positiveButton.checked and not section.ui.positiveButton.enabled
    assert markers() == ({}, 0)


def test_another_volume_has_its_own_prompts(case, section):
    section.ui.positiveButton.click()
    case.click(MIDDLES[SPLEEN])
    case.selection.volumeNode = add_ct("second")
    case.settle()
    case.selection.volumeNode = case.volume
    case.settle()
    assert len(rows(section)) == 1


def test_prompts_come_back_with_the_scene(case, section, tmp_path):
    section.ui.positiveButton.click()
    case.click(MIDDLES[SPLEEN])
    section.ui.negativeButton.click()
    case.click(MIDDLES[LEFT_KIDNEY])
    shown = rows(section), markers()
    section.ui.negativeButton.click()
    path = save_scene(tmp_path)
    assert "<MarkupsFiducial" not in (tmp_path / "scene.mrml").read_text()
    slicer.mrmlScene.Clear(0)
    case.settle()
    assert rows(section) == [] and markers() == ({}, 0)
    load_scene(path)
    case.settle()
    assert rows(section) == shown[0]
    again, before = markers()[0], shown[1][0]
    assert set(again) == set(before)
    assert all(again[key][0] == pytest.approx(before[key][0], abs=1e-3) for key in before)


def test_nothing_of_the_panel_is_left_in_the_scene_when_it_is_closed(case, section, scene):
    section.ui.positiveButton.click()
    case.click(MIDDLES[SPLEEN])
    section.ui.boxButton.click()
    assert markers()[0]
    module_manager.reload_widget("VistaSeg").panel.exit()
    nodes = [scene.GetNthNode(n) for n in range(scene.GetNumberOfNodes())]
    left = [node.GetClassName() for node in nodes if not node.GetSingletonTag()]  # as Slicer's own have
    assert not [name for name in left if "Markups" in name or "SegmentEditor" in name]
    interaction = scene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
    assert interaction.GetCurrentInteractionMode() == interaction.ViewTransform


def shortcuts(section):
    return {shortcut.key.toString(): shortcut for shortcut in section.widget.findChildren(qt.QShortcut)}


def test_shortcuts_work_only_while_the_panel_is_shown(case, section):
    keys = shortcuts(section)
    assert all(key.enabled for key in keys.values())
    section.ui.positiveButton.click()
    case.panel.exit()
    assert not any(key.enabled for key in keys.values()) and not section.ui.positiveButton.checked
    case.panel.enter()
    keys["A"].activated.emit()
    assert section.ui.positiveButton.checked
    keys["N"].activated.emit()
    assert case.selection.segmentId == ""


TAKEN = {"Q", "W", "Z", "Y", "I", "B", "F", "G", "R", "T", "V", "Space", "Esc", "Ctrl+Z", *"0123456789"}


def test_no_key_is_one_of_slicers(section):
    assert len(shortcuts(section)) == 7 and not shortcuts(section).keys() & TAKEN
