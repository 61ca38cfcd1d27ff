"""Prompts that wait for an answer stay where they were placed: on a scan that moves, and in a scene that is saved."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import vtk
from panel_case import (
    LEFT_KIDNEY,
    MIDDLES,
    RIGHT_KIDNEY,
    SPLEEN,
    add_ct,
    add_rotation,
    ct_array,
    load_scene,
    prompt_rows,
    save_scene,
)

NEXT_KIDNEY = 13  # voxels from the middle of one to that of the other


@pytest.fixture
def collecting(section):
    """Prompts wait, and clicks are on."""
    section.ui.answerAtOnceBox.click()
    section.ui.positiveButton.click()
    return section


def shift_by_kidneys(volume):
    """A transform that brings one kidney to where the other was."""
    matrix, transform = vtk.vtkMatrix4x4(), vtk.vtkTransform()
    volume.GetIJKToRASMatrix(matrix)
    transform.Translate([NEXT_KIDNEY * matrix.GetElement(row, 0) for row in range(3)])
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "Kidneys")
    node.SetMatrixTransformToParent(transform.GetMatrix())
    return node


def harden(volume):
    slicer.vtkSlicerTransformLogic.hardenTransform(volume)


def move_origin(volume):
    transform = vtk.vtkMatrix4x4()
    shift_by_kidneys(volume).GetMatrixTransformToParent(transform)
    volume.SetOrigin(np.add(volume.GetOrigin(), [transform.GetElement(row, 3) for row in range(3)]))


def answered(case, section):
    section.ui.answerButton.click()
    case.settle()
    return case.mask("object 1")


@pytest.mark.parametrize("make", [shift_by_kidneys, lambda _: add_rotation(10.0)], ids=["shift", "turn"])
def test_a_click_that_waits_is_answered_where_it_was_placed_after_its_transform_was_hardened(case, collecting, make):
    case.volume.SetAndObserveTransformNodeID(make(case.volume).GetID())
    case.click(MIDDLES[LEFT_KIDNEY])
    harden(case.volume)
    assert np.array_equal(answered(case, collecting), ct_array() == LEFT_KIDNEY)
    assert case.workspace.messages.all == ()


@pytest.mark.parametrize("turn", [harden, move_origin])
def test_a_click_that_waits_follows_the_scan_that_is_moved_in_its_own_coordinates(case, collecting, turn):
    case.click(MIDDLES[RIGHT_KIDNEY])
    case.volume.SetAndObserveTransformNodeID(shift_by_kidneys(case.volume).GetID())
    turn(case.volume)
    case.click(MIDDLES[SPLEEN])
    assert np.array_equal(answered(case, collecting), np.isin(ct_array(), (RIGHT_KIDNEY, SPLEEN)))


def stretch(volume):
    volume.SetSpacing(3.3, 2.0, 3.0)


def crop(volume):
    """Slices go, and the origin with them."""
    slicer.util.updateVolumeFromArray(volume, ct_array()[4:])
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    volume.SetOrigin(np.add(volume.GetOrigin(), [4 * matrix.GetElement(row, 2) for row in range(3)]))


@pytest.mark.parametrize("change", [stretch, crop])
def test_a_click_that_cannot_follow_its_scan_is_not_asked_and_it_is_said(case, collecting, change):
    case.click(MIDDLES[LEFT_KIDNEY])
    change(case.volume)
    collecting.ui.answerButton.click()
    case.settle()
    assert case.segments == {} and prompt_rows(collecting) == []
    assert "put aside (1)" in case.workspace.messages.latest.text


def test_what_waits_is_saved_with_the_scene_and_answered_in_the_next(case, collecting, tmp_path):
    case.click(MIDDLES[SPLEEN])
    assert np.array_equal(answered(case, collecting), ct_array() == SPLEEN)
    case.click(MIDDLES[LEFT_KIDNEY])
    collecting.ui.nextButton.click()
    case.click(MIDDLES[RIGHT_KIDNEY])
    collecting.ui.textLine.text = "pancreas"
    collecting.ui.textLine.returnPressed.emit()
    rows = prompt_rows(collecting)
    assert len(rows) == 2
    path = save_scene(tmp_path)
    load_scene(path)
    case.settle()
    assert prompt_rows(collecting) == rows and all("waits" in row for row in rows)
    case.selection.segmentId = case.segments["object 1"]
    case.settle()
    assert [row.endswith("(waits for an answer)") for row in prompt_rows(collecting)] == [False, True]
    assert np.array_equal(answered(case, collecting), np.isin(ct_array(), (SPLEEN, LEFT_KIDNEY)))
    assert not any("waits" in row for row in prompt_rows(collecting))


def test_what_waits_in_a_scene_that_is_added_goes_to_no_segment_of_the_scene_before(case, collecting, tmp_path):
    case.click(MIDDLES[SPLEEN])
    answered(case, collecting)
    case.click(MIDDLES[LEFT_KIDNEY])
    path = save_scene(tmp_path)
    slicer.mrmlScene.Clear(0)
    case.selection.parameters.modelChoice = "demo"
    case.selection.volumeNode = add_ct("Another")
    case.settle()
    collecting.ui.positiveButton.click()
    case.click(MIDDLES[SPLEEN])
    segmentation = case.selection.segmentationNode
    slicer.mrmlScene.SetURL(path)
    slicer.mrmlScene.Import()
    case.settle()
    added = [node for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode") if node is not segmentation]
    assert len(added) == 1 and not any("waits" in row for row in prompt_rows(collecting))
    volumes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    case.selection.volumeNode = next(node for node in volumes if node.GetName() == "CT")
    case.selection.segmentationNode = added[0]
    case.selection.segmentId = case.segments["object 1"]
    case.settle()
    assert sum("waits" in row for row in prompt_rows(collecting)) == 1
