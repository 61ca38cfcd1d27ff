"""Structures by name: what can be chosen, what the button says and does, what is said when it cannot."""

from __future__ import annotations

import numpy as np
import pytest

qt = pytest.importorskip("qt", reason="no Qt: see CONTRIBUTING.md for the libraries that it needs")
slicer = pytest.importorskip("slicer")

from panel_case import LEFT_KIDNEY, PLACES, SPLEEN, add_ct, add_rotation, ct_array, red_view, voxel_to_world

from vistaseg import catalog
from vistaseg.models.registry import spec

LIVER_ID, SPLEEN_ID, RIGHT_KIDNEY_ID, LEFT_KIDNEY_ID = 1, 3, 5, 14


@pytest.fixture
def section(case):
    case.volume = add_ct()
    case.selection.volumeNode = case.volume
    return case.section("Automatic")


def items(section, shown_only=True):
    tree = section.ui.structureTree
    groups = [tree.topLevelItem(place) for place in range(tree.topLevelItemCount)]
    found = {}
    for group in groups:
        for place in range(group.childCount()):
            item = group.child(place)
            if not shown_only or not (item.isHidden() or group.isHidden()):
                found[item.text(0)] = item
    return found


def group_named(section, title):
    tree = section.ui.structureTree
    return next(
        tree.topLevelItem(place) for place in range(tree.topLevelItemCount) if tree.topLevelItem(place).text(0) == title
    )


def check(section, *names, state=None):
    for name in names:
        items(section, shown_only=False)[name].setCheckState(0, qt.Qt.Checked if state is None else state)


def test_every_structure_that_a_model_can_know_is_offered_once(section):
    names = [item.text(0) for item in items(section).values()]
    assert len(names) == len(set(names)) == 124
    assert not {"rectum", "liver tumor", "vertebrae L6"} & set(names)


def test_what_the_chosen_model_does_not_know_cannot_be_checked(section):
    known = {catalog.get(structure_id).name for structure_id in spec("demo").class_ids()}
    assert 0 < len(known) < 124
    assert {name for name, item in items(section).items() if not item.isDisabled()} == known


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kidn", {"right kidney", "left kidney", "left kidney cyst", "right kidney cyst"}),
        ("hepar", {"liver"}),
        ("oesophagus", {"esophagus"}),
        ("splen", {"spleen", "portal vein and splenic vein"}),
        ("gallblader", {"gallbladder"}),
        ("lungs", {"left lung upper lobe", "left lung lower lobe", "right lung middle lobe"}),
    ],
)
def test_search_finds_names_synonyms_groups_and_misspellings(section, text, expected):
    section.ui.searchLine.text = text
    shown = set(items(section))
    assert expected <= shown and len(shown) < 20
    section.ui.searchLine.text = ""
    assert len(items(section)) == 124


def test_search_for_nonsense_shows_nothing(section):
    section.ui.searchLine.text = "xyzzyq"
    assert not items(section)


def test_the_button_says_what_it_will_do(section):
    button, reason = section.ui.segmentButton, section.ui.reasonLabel
    assert (button.text, button.enabled, reason.text) == ("Segment", False, "Check at least one structure.")
    check(section, "liver")
    assert (button.text, button.enabled, reason.text) == ("Segment liver", True, "")
    check(section, "spleen", "left kidney")
    assert button.text == "Segment 3 structures"


def test_a_check_on_a_group_is_one_on_what_is_shown_and_known(section):
    section.ui.searchLine.text = "kidney"
    group = group_named(section, "Abdominal organs")
    group.setCheckState(0, qt.Qt.Checked)
    assert section.chosen == [RIGHT_KIDNEY_ID, LEFT_KIDNEY_ID]
    assert group.checkState(0) == qt.Qt.PartiallyChecked
    section.ui.searchLine.text = ""
    group.setCheckState(0, qt.Qt.Checked)
    assert len(section.chosen) == 13 and group.checkState(0) == qt.Qt.Checked
    group.setCheckState(0, qt.Qt.Unchecked)
    assert section.chosen == []


def test_a_preset_replaces_what_is_checked(section):
    check(section, "heart")
    combo = section.ui.presetCombo
    titles = [combo.itemText(place) for place in range(combo.count)]
    combo.setCurrentIndex(titles.index("Abdominal organs"))
    assert len(section.chosen) == 13 and items(section)["heart"].checkState(0) == qt.Qt.Unchecked
    assert combo.currentIndex == 0
    combo.setCurrentIndex(titles.index("None"))
    assert section.chosen == []


def test_the_choice_is_kept_with_the_scene_and_the_last_one_beyond_it(case, section):
    check(section, "spleen", "left kidney")
    section.ui.segmentButton.click()
    case.settle()
    assert case.selection.parameters.classIds == "3 14"
    slicer.mrmlScene.Clear(0)
    case.selection.volumeNode = add_ct()
    case.selection.parameters.modelChoice = "demo"
    assert section.chosen == []
    section.ui.presetCombo.setCurrentIndex(2)
    assert section.chosen == [SPLEEN_ID, LEFT_KIDNEY_ID]


def test_structures_become_segments_where_they_are(case, section):
    case.volume.SetAndObserveTransformNodeID(add_rotation().GetID())
    check(section, "spleen", "left kidney")
    section.ui.segmentButton.click()
    case.settle()
    assert list(case.segments) == ["spleen", "left kidney"]
    assert case.selection.segmentationNode.GetTransformNodeID() == case.volume.GetTransformNodeID()
    for name, value in (("spleen", SPLEEN), ("left kidney", LEFT_KIDNEY)):
        assert np.array_equal(case.mask(name), ct_array() == value)


def test_an_automatic_result_is_one_step_back(case, section):
    check(section, "spleen", "left kidney")
    section.ui.segmentButton.click()
    case.settle()
    interactive = case.section("Interactive")
    interactive.ui.undoButton.click()
    assert not case.segments
    interactive.ui.redoButton.click()
    assert list(case.segments) == ["spleen", "left kidney"]


def test_a_box_limits_where_is_segmented(case, section):
    check(section, "spleen", "left kidney")
    section.ui.regionCombo.setCurrentIndex(1)
    assert section.ui.regionSelector.visible or not section.widget.visible
    assert section.ui.reasonLabel.text == "Choose or make a box for the region."
    roi = section.ui.regionSelector.addNode()
    assert min(roi.GetSize()) > 10  # it begins as the volume
    fit_to_voxels(roi, case.volume, PLACES[SPLEEN])
    section.ui.segmentButton.click()
    case.settle()
    assert list(case.segments) == ["spleen"]


def test_only_what_the_views_show_is_segmented(case, section):
    check(section, "spleen", "left kidney")
    section.ui.regionCombo.setCurrentIndex(2)
    show_around(case.volume, (7, 8, 5))
    section.ui.segmentButton.click()
    case.settle()
    assert list(case.segments) == ["spleen"]


def show_around(volume, ijk, width=22.0):
    """An axial view of the volume, so many mm wide, centred on a voxel."""
    view, composite = red_view()
    composite.SetBackgroundVolumeID(volume.GetID())
    view.SetMappedInLayout(1)
    view.SetOrientationToAxial()
    view.SetDimensions(100, 100, 1)
    view.SetFieldOfView(width, width, 1)
    view.JumpSliceByCentering(*voxel_to_world(volume, ijk))


def fit_to_voxels(roi, volume, place):
    (k0, k1), (j0, j1), (i0, i1) = ((part.start, part.stop - 1) for part in place)
    corners = [voxel_to_world(volume, ijk) for ijk in ((i0, j0, k0), (i1, j1, k1), (i0, j1, k0), (i1, j0, k1))]
    low, high = np.min(corners, axis=0) - 2, np.max(corners, axis=0) + 2
    roi.SetCenterWorld(((low + high) / 2).tolist())
    roi.SetSize((high - low).tolist())


def test_bad_regions_are_told_and_change_nothing(case, section):
    check(section, "spleen")
    section.ui.regionCombo.setCurrentIndex(1)
    roi = section.ui.regionSelector.addNode()
    for center, size, word in (([0, 0, 0], [0, 0, 0], "empty"), ([900, 900, 900], [20, 20, 20], "outside")):
        roi.SetCenter(center)
        roi.SetSize(size)
        section.ui.segmentButton.click()
        assert word in case.workspace.messages.latest.text
    section.ui.regionCombo.setCurrentIndex(2)
    section.ui.segmentButton.click()
    assert "slice view" in case.workspace.messages.latest.text
    assert case.selection.segmentationNode is None and case.workspace.task is None


def test_without_a_volume_or_with_a_wrong_one_the_reason_is_said(case):
    section = case.section("Automatic")
    case.selection.parameters.classIds = "1"
    assert "volume" in section.ui.reasonLabel.text and not section.ui.segmentButton.enabled
    labels = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "empty")
    case.selection.volumeNode = labels
    assert "has no voxels" in section.ui.reasonLabel.text
    mr = add_ct("MR")
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    name = slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMSeriesModalityAttributeName()
    item = hierarchy.GetItemByDataNode(mr) or hierarchy.CreateItem(hierarchy.GetSceneItemID(), mr)
    hierarchy.SetItemAttribute(item, name, "MR")
    case.selection.volumeNode = mr
    assert "choose a CT" in section.ui.reasonLabel.text and not section.ui.segmentButton.enabled


def test_a_model_without_weights_says_so(case, section):
    check(section, "liver")
    case.selection.parameters.modelChoice = "vista3d"
    assert section.ui.reasonLabel.text and not section.ui.segmentButton.enabled


def test_nothing_scrolls_sideways_in_a_narrow_panel(case, section):
    window = section.widget.window()
    window.resize(320, 900)
    window.show()
    case.settle()
    assert window.width == 320
