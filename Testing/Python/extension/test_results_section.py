"""The table of results: what it says of each segment, what it marks, where a click on a row leads."""

from __future__ import annotations

import numpy as np
import pytest

qt = pytest.importorskip("qt", reason="no Qt: see CONTRIBUTING.md for the libraries that it needs")
slicer = pytest.importorskip("slicer")

from panel_case import (
    LEFT_KIDNEY,
    MIDDLES,
    SPLEEN,
    add_ct,
    add_rotation,
    ct_array,
    load_scene,
    oblique,
    red_view,
    save_scene,
    voxel_to_world,
)

NAME, VOLUME, VOXELS, MADE_BY, MARK = range(5)
VOXEL_ML = 2.2 * 2.0 * 3.0 / 1000


@pytest.fixture
def section(case):
    case.volume = add_ct()
    case.selection.volumeNode = case.volume
    return case.section("Results")


def item(section, name):
    tree = section.ui.resultTree
    found = [tree.topLevelItem(place) for place in range(tree.topLevelItemCount)]
    return next(row for row in found if row.text(NAME) == name)


def names(section):
    tree = section.ui.resultTree
    return [tree.topLevelItem(place).text(NAME) for place in range(tree.topLevelItemCount)]


def segment_automatically(case, ids="3 14"):
    case.selection.parameters.classIds = ids
    case.section("Automatic").ui.segmentButton.click()
    case.settle()


def click_on(case, value, button="positiveButton"):
    ui = case.section("Interactive").ui
    if not getattr(ui, button).checked:
        getattr(ui, button).click()
    case.click(MIDDLES[value])


def add_segment(case, name, array):
    node = case.selection.requireSegmentationNode()
    segment_id = node.GetSegmentation().AddEmptySegment("", name)
    slicer.util.updateSegmentBinaryLabelmapFromArray(array.astype(np.uint8), node, segment_id, case.volume)
    case.settle()
    return segment_id


def test_volume_and_voxels_are_those_of_the_segment(case, section):
    segment_automatically(case)
    assert names(section) == ["spleen", "left kidney"]
    voxels = int((ct_array() == SPLEEN).sum())
    row = item(section, "spleen")
    assert row.text(VOXELS) == str(voxels) and float(row.text(VOLUME)) == pytest.approx(voxels * VOXEL_ML, abs=0.06)


def test_how_a_segment_was_made_is_said(case, section):
    segment_automatically(case)
    add_segment(case, "painted", ct_array() == LEFT_KIDNEY)
    click_on(case, SPLEEN)
    click_on(case, LEFT_KIDNEY)
    assert item(section, "object 4").text(MADE_BY) == "2 clicks"
    case.selection.segmentId = case.segments["left kidney"]
    click_on(case, SPLEEN)
    click_on(case, SPLEEN, "negativeButton")
    made = {name: item(section, name).text(MADE_BY) for name in names(section)}
    assert made == {
        "spleen": "automatic",
        "left kidney": "automatic + 2",
        "painted": "unknown",
        "object 4": "2 clicks",
    }


def test_what_clicks_started_from_is_said(case, section):
    case.selection.segmentId = add_segment(case, "painted", ct_array() == LEFT_KIDNEY)
    click_on(case, SPLEEN)
    assert item(section, "painted").text(MADE_BY) == "unknown + 1"
    case.selection.segmentId = add_segment(case, "clicked", np.zeros(ct_array().shape, bool))
    click_on(case, SPLEEN)
    node = case.selection.segmentationNode
    painted = slicer.util.arrayFromSegmentBinaryLabelmap(node, case.selection.segmentId, case.volume).copy()
    painted[:2, :2, :2] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(painted, node, case.selection.segmentId, case.volume)
    case.settle()
    click_on(case, LEFT_KIDNEY)
    assert item(section, "clicked").text(MADE_BY) == "1 click + 1"


@pytest.mark.parametrize(
    ("made", "said"),
    [("MANUAL", "by hand"), ("SEMIAUTOMATIC", "semiautomatic"), ("AUTOMATIC", "automatic"), ("by magic", "unknown")],
)
def test_how_another_program_made_a_segment_is_said_as_far_as_it_told(case, section, made, said):
    segment_id = add_segment(case, "theirs", ct_array() == SPLEEN)
    segment = case.selection.segmentationNode.GetSegmentation().GetSegment(segment_id)
    segment.SetTag("DICOM.SegmentAlgorithmType", made)
    case.settle()
    assert item(section, "theirs").text(MADE_BY) == said


def test_prompts_of_which_only_the_number_is_known_are_counted(section):
    from VistaSegLib.ResultTexts import madeBy

    assert madeBy({"prompts": 3}) == "3 prompts"
    assert madeBy({"prompts": 2, "corrected": {"algorithm_type": "AUTOMATIC"}}) == "automatic + 2"


def test_what_is_worth_a_look_is_marked_with_the_reason(case, section):
    segment_automatically(case, "1 3")
    assert "small for its kind" in item(section, "spleen").toolTip(MARK)
    assert item(section, "spleen").text(MARK) == "⚠"
    edge = np.zeros(ct_array().shape, bool)
    edge[0:3, 5:8, 5:8] = edge[10:13, 15:18, 15:18] = True
    add_segment(case, "stray", edge)
    reasons = item(section, "stray").toolTip(MARK)
    assert "border" in reasons and "2 pieces" in reasons
    whole = np.zeros(ct_array().shape, bool)
    whole[8:12, 8:12, 8:12] = True
    add_segment(case, "fine", whole)
    assert item(section, "fine").text(MARK) == ""


def test_what_the_model_is_not_sure_of_is_marked_until_it_is_corrected(case, section):
    segment_automatically(case)
    assert "low confidence: 0.40" in item(section, "left kidney").toolTip(MARK)
    assert item(section, "left kidney").text(MARK) == "⚠"
    assert "confidence" not in item(section, "spleen").toolTip(MARK)
    case.selection.segmentId = case.segments["left kidney"]
    click_on(case, SPLEEN)
    assert "confidence" not in item(section, "left kidney").toolTip(MARK)


def test_a_mark_of_low_confidence_is_saved_with_the_scene(case, section, tmp_path):
    segment_automatically(case)
    load_scene(save_scene(tmp_path))
    case.settle()
    assert "low confidence: 0.40" in item(section, "left kidney").toolTip(MARK)
    assert "confidence" not in item(section, "spleen").toolTip(MARK)


def test_a_mark_of_low_confidence_does_not_outlive_painting(case, section):
    segment_automatically(case)
    mask = ct_array() == LEFT_KIDNEY
    mask[np.nonzero(mask)[0][0]] = False
    slicer.util.updateSegmentBinaryLabelmapFromArray(
        mask.astype(np.uint8), case.selection.segmentationNode, case.segments["left kidney"], case.volume
    )
    case.settle()
    assert item(section, "left kidney").text(VOXELS) == str(mask.sum())
    assert "confidence" not in item(section, "left kidney").toolTip(MARK)


def paint(case, name, mask):
    slicer.util.updateSegmentBinaryLabelmapFromArray(
        mask.astype(np.uint8), case.selection.segmentationNode, case.segments[name], case.volume
    )
    case.settle()


def erased(mask):
    """Without a voxel."""
    mask = mask.copy()
    mask[tuple(np.argwhere(mask)[0])] = False
    return mask


def test_painting_is_said_of_an_automatic_segment_until_it_is_undone(case, section):
    segment_automatically(case)
    mask = case.mask("left kidney")
    paint(case, "left kidney", erased(mask))
    made = {name: item(section, name).text(MADE_BY) for name in names(section)}
    assert made == {"spleen": "automatic", "left kidney": "automatic, edited"}
    assert "confidence" not in item(section, "left kidney").toolTip(MARK)
    paint(case, "left kidney", mask)
    assert item(section, "left kidney").text(MADE_BY) == "automatic"
    assert "low confidence: 0.40" in item(section, "left kidney").toolTip(MARK)


@pytest.mark.parametrize("axis", [0, 2])
def test_a_mask_that_was_moved_is_not_the_one_that_the_model_was_not_sure_of(case, section, axis):
    segment_automatically(case)
    mask = case.mask("left kidney")
    paint(case, "left kidney", np.roll(mask, 1, axis))
    assert item(section, "left kidney").text(VOXELS) == str(mask.sum())
    assert item(section, "left kidney").text(MADE_BY) == "automatic, edited"
    assert "confidence" not in item(section, "left kidney").toolTip(MARK)


def test_painting_is_said_of_clicks_until_it_is_undone_or_clicked_again(case, section):
    click_on(case, SPLEEN)
    click_on(case, LEFT_KIDNEY)
    (name,) = names(section)
    mask = case.mask(name)
    paint(case, name, erased(mask))
    assert item(section, name).text(MADE_BY) == "2 clicks, edited"
    paint(case, name, mask)
    assert item(section, name).text(MADE_BY) == "2 clicks"
    paint(case, name, erased(mask))
    click_on(case, SPLEEN, "negativeButton")
    assert "edited" not in item(section, name).text(MADE_BY)


def test_clicks_that_were_taken_back_leave_nothing_edited(case, section):
    segment_automatically(case, "3")
    case.selection.segmentId = case.segments["spleen"]
    click_on(case, LEFT_KIDNEY)
    click_on(case, SPLEEN, "negativeButton")
    made = []
    for _ in range(2):
        case.section("Interactive").ui.undoButton.click()
        case.settle()
        made.append(item(section, "spleen").text(MADE_BY))
    assert made == ["automatic + 1", "automatic"]


def test_undo_of_the_host_leaves_clicks_unedited(case, section):
    click_on(case, SPLEEN)
    logic, node = slicer.vtkSlicerSegmentEditorLogic(), slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
    logic.SetMRMLScene(slicer.mrmlScene)
    logic.SetSegmentEditorNode(node)
    node.SetAndObserveSegmentationNode(case.selection.segmentationNode)
    logic.SaveStateForUndo()
    click_on(case, LEFT_KIDNEY)
    logic.Undo()
    case.settle()
    logic.SetSegmentEditorNode(None)
    assert [item(section, name).text(MADE_BY) for name in names(section)] == ["1 click"]


def test_painting_on_corrected_clicks_is_said_and_saved_with_the_scene(case, section, tmp_path):
    segment_automatically(case, "3")
    case.selection.segmentId = case.segments["spleen"]
    click_on(case, LEFT_KIDNEY)
    assert item(section, "spleen").text(MADE_BY) == "automatic + 1"
    paint(case, "spleen", erased(case.mask("spleen")))
    load_scene(save_scene(tmp_path))
    case.settle()
    assert item(section, "spleen").text(MADE_BY) == "automatic + 1, edited"


def test_what_is_only_looked_at_on_another_grid_or_moved_is_not_edited(case, section):
    segment_automatically(case)
    segmentation = case.selection.segmentationNode
    other = add_ct("finer")
    other.SetIJKToRASMatrix(oblique((1.1, 2.0, 3.0)))
    slicer.util.updateVolumeFromArray(other, np.repeat(ct_array(), 2, axis=2))
    case.selection.volumeNode = other
    case.selection.segmentationNode = segmentation  # another volume brings its own with it
    case.settle()
    assert item(section, "spleen").text(MADE_BY) == "automatic"
    case.selection.segmentationNode.SetAndObserveTransformNodeID(add_rotation().GetID())
    case.settle()
    assert item(section, "spleen").text(MADE_BY) == "automatic"


def test_a_click_on_a_row_goes_there_and_makes_it_the_target(case, section):
    case.volume.SetAndObserveTransformNodeID(add_rotation().GetID())
    view, _composite = red_view()
    view.SetOrientationToAxial()
    segment_automatically(case)
    section.ui.resultTree.itemClicked.emit(item(section, "left kidney"), 0)
    matrix = view.GetSliceToRAS()
    place = [matrix.GetElement(row, 3) for row in range(3)]
    assert place == pytest.approx(voxel_to_world(case.volume, MIDDLES[LEFT_KIDNEY]), abs=2.0)
    assert case.selection.segmentId == case.segments["left kidney"]


def test_the_reasons_of_the_chosen_row_are_written_out(case, section):
    segment_automatically(case)
    section.ui.resultTree.setCurrentItem(item(section, "spleen"))
    section.ui.resultTree.itemClicked.emit(item(section, "spleen"), 0)
    assert "small for its kind" in section.ui.findingLabel.text


def test_the_table_follows_painting_renaming_undo_and_deletion(case, section):
    segment_id = add_segment(case, "painted", ct_array() == SPLEEN)
    node = case.selection.segmentationNode
    slicer.util.updateSegmentBinaryLabelmapFromArray(
        (ct_array() == LEFT_KIDNEY).astype(np.uint8), node, segment_id, case.volume
    )
    case.settle()
    assert item(section, "painted").text(VOXELS) == str((ct_array() == LEFT_KIDNEY).sum())
    node.GetSegmentation().GetSegment(segment_id).SetName("kidney")
    case.settle()
    assert names(section) == ["kidney"]
    click_on(case, SPLEEN)
    assert len(names(section)) == 2
    node.GetSegmentation().RemoveSegment(segment_id)
    case.settle()
    assert names(section) == ["object 2"]
    slicer.mrmlScene.RemoveNode(node)
    case.settle()
    assert names(section) == []


def test_only_what_has_changed_is_measured_again(case, section, monkeypatch):
    from VistaSegLib import ResultRows

    segment_automatically(case, "1 3 5 14")
    measured = []
    original = ResultRows.findings

    def spy(mask, grid, structure_id):
        measured.append(structure_id)
        return original(mask, grid, structure_id)

    monkeypatch.setattr(ResultRows, "findings", spy)
    case.selection.segmentId = case.segments["spleen"]
    click_on(case, SPLEEN, "negativeButton")
    assert set(measured) == {3}
    assert item(section, "spleen").text(VOXELS) == "0"
    assert item(section, "left kidney").text(VOXELS) == str((ct_array() == LEFT_KIDNEY).sum())


def test_segments_of_another_volume_s_grid_have_their_own_size(case, section):
    segment_automatically(case)
    segmentation = case.selection.segmentationNode
    other = add_ct("the same patient, in a finer grid")
    matrix = oblique((1.1, 2.0, 3.0))
    other.SetIJKToRASMatrix(matrix)
    slicer.util.updateVolumeFromArray(other, np.repeat(ct_array(), 2, axis=2))
    case.selection.volumeNode = other
    case.selection.segmentationNode = segmentation
    case.settle()
    assert int(item(section, "spleen").text(VOXELS)) == (ct_array() == SPLEEN).sum()
    assert float(item(section, "spleen").text(VOLUME)) == pytest.approx(100 * VOXEL_ML, abs=0.05)
