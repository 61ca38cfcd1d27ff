"""Prompts as the views show them, and what of them is in the scene."""

from __future__ import annotations

import pytest
import slicer
from host import module_manager
from panel_case import (
    LEFT_KIDNEY,
    MIDDLES,
    SPLEEN,
    add_rotation,
    load_scene,
    markers,
    prompt_rows,
    save_scene,
    voxel_to_world,
)


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


@pytest.mark.parametrize("nodes", ["volume", "both"])
def test_markers_stay_where_they_are_when_a_transform_is_hardened(case, section, nodes):
    segmentation = case.selection.requireSegmentationNode()
    transformId = add_rotation().GetID()
    for node in (case.volume, segmentation):
        node.SetAndObserveTransformNodeID(transformId)
    section.ui.positiveButton.click()
    case.click(MIDDLES[SPLEEN])
    before = markers()[0]["1"][0]
    for node in (case.volume, segmentation)[: 2 if nodes == "both" else 1]:
        slicer.vtkSlicerTransformLogic.hardenTransform(node)
    case.panel.update()
    case.settle()
    assert markers()[0]["1"][0] == pytest.approx(before, abs=1e-3)
    case.click(MIDDLES[LEFT_KIDNEY])
    placed = markers()[0]
    assert placed["1"][0] == pytest.approx(before, abs=1e-3) and len(prompt_rows(section)) == 2
    assert placed["2"][0] == pytest.approx(voxel_to_world(case.volume, MIDDLES[LEFT_KIDNEY]), abs=1e-3)
    assert case.workspace.messages.latest is None


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


def test_markers_are_shown_only_while_the_panel_is(case, section):
    section.ui.positiveButton.click()
    case.click(MIDDLES[SPLEEN])
    shown = markers()
    case.panel.exit()
    assert markers() != shown
    case.panel.enter()
    assert markers() == shown


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


def test_prompts_come_back_with_the_scene(case, section, tmp_path):
    section.ui.positiveButton.click()
    case.click(MIDDLES[SPLEEN])
    section.ui.negativeButton.click()
    case.click(MIDDLES[LEFT_KIDNEY])
    shown = prompt_rows(section), markers()
    section.ui.negativeButton.click()
    path = save_scene(tmp_path)
    assert "<MarkupsFiducial" not in (tmp_path / "scene.mrml").read_text()
    slicer.mrmlScene.Clear(0)
    case.settle()
    assert prompt_rows(section) == [] and markers() == ({}, 0)
    load_scene(path)
    case.settle()
    assert prompt_rows(section) == shown[0]
    again, before = markers()[0], shown[1][0]
    assert set(again) == set(before)
    assert all(again[key][0] == pytest.approx(before[key][0], abs=1e-3) for key in before)
