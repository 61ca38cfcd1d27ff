"""What an export needs, what it says where that is missing, and what it makes of volumes that were changed."""

from __future__ import annotations

import numpy as np
import pytest

qt = pytest.importorskip("qt", reason="no Qt: see CONTRIBUTING.md for the libraries that it needs")
slicer = pytest.importorskip("slicer")
pydicom = pytest.importorskip("pydicom")

from export_desk import MADE, SHAPE, Desk, blocks, same, scan, structure
from host.mrml_nodes import add_scan

from vistaseg.dicom import read_seg, read_series
from vistaseg.geometry.box import VoxelBox
from vistaseg.mrml.adding import add_segments
from vistaseg.segmentation import Segmentation
from vistaseg.volume import Volume


@pytest.fixture
def desk(export_desk):
    return export_desk


def break_attribute(desk: Desk) -> str:
    desk.volume.RemoveAttribute("DICOM.instanceUIDs")
    return "not loaded from DICOM"


def break_database(desk: Desk) -> str:
    desk.database.isOpen = False
    return "not open"


def break_absent(desk: Desk) -> str:
    slicer.dicomDatabase = None  # as in a Slicer that was built without DICOM
    return "not open"


def break_index(desk: Desk) -> str:
    desk.volume.SetAttribute("DICOM.instanceUIDs", desk.volume.GetAttribute("DICOM.instanceUIDs") + " 1.2.3")
    return "1 of the 7 images"


def break_files(desk: Desk) -> str:
    desk.files[2].unlink()
    return "1 of the 6 files"


def break_segments(desk: Desk) -> str:
    desk.segmentation.GetSegmentation().RemoveAllSegments()
    return "no segments"


def break_segmentation(desk: Desk) -> str:
    desk.choose(desk.volume, None)
    return "Choose a segmentation"


def break_volume(desk: Desk) -> str:
    desk.choose(None, desk.segmentation)
    return "No volume"


def break_place(desk: Desk) -> str:
    desk.section.ui.folderLine.text = ""
    return "folder"


def break_geometry(desk: Desk) -> str:
    grid = desk.scene.AddNewNodeByClass("vtkMRMLBSplineTransformNode", "Bent")
    spline = slicer.vtkOrientedBSplineTransform()
    grid.SetAndObserveTransformToParent(spline)
    desk.volume.SetAndObserveTransformNodeID(grid.GetID())
    return "bends"


BREAKS = [value for name, value in list(globals().items()) if name.startswith("break_")]


@pytest.mark.parametrize("spoil", BREAKS, ids=[spoil.__name__ for spoil in BREAKS])
def test_what_is_missing_is_said_before_and_when_the_button_is_pressed(desk, spoil):
    expected = spoil(desk)
    desk.section.ui.visibleBox.setChecked(True)
    desk.section.ui.visibleBox.setChecked(False)
    assert expected in desk.missing
    desk.export()
    assert desk.told.level == "error" and expected in desk.told.text
    assert list(desk.out.iterdir()) == []


def test_what_is_mended_is_not_complained_about(desk):
    break_index(desk)
    desk.section.update()
    assert desk.missing
    desk.volume.SetAttribute(
        "DICOM.instanceUIDs", desk.volume.GetAttribute("DICOM.instanceUIDs").removesuffix(" 1.2.3")
    )
    desk.export()
    assert desk.missing == "" and len(desk.written()) == 1


def test_missing_packages_are_offered(desk, monkeypatch):
    from VistaSegLib import ExportOptions, Installation

    for module in (ExportOptions, Installation):
        monkeypatch.setattr(module, "missingExportPackages", lambda: ["highdicom"])
    desk.export()
    assert "highdicom" in desk.missing and desk.section.ui.installButton.isVisibleTo(desk.section.widget)


def test_empty_segments_are_left_out_by_name(desk):
    desk.segmentation.GetSegmentation().AddEmptySegment("", "forgotten")
    desk.export()
    assert desk.told.level == "warning" and "forgotten" in desk.told.text
    assert same(read_seg(desk.written()[0], read_series(desk.files)), blocks())


def test_a_frame_of_reference_that_was_made_up_is_told(desk):
    for file in desk.files:
        image = pydicom.dcmread(file)
        del image.FrameOfReferenceUID
        image.save_as(file)
    desk.export()
    assert desk.told.level == "warning" and "FrameOfReferenceUID" in desk.told.text and len(desk.written()) == 1


def test_no_ct_series_is_made_of_an_mr(desk):
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(desk.scene)
    name = slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMSeriesModalityAttributeName()
    item = hierarchy.CreateItem(hierarchy.GetSceneItemID(), desk.volume)
    hierarchy.SetItemAttribute(item, name, "MR")
    desk.derive()
    assert "MR" in desk.missing


def test_segments_that_overlap_are_no_label_map_and_say_so(desk):
    everything = structure(3, np.ones(SHAPE[::-1], bool), **MADE)
    add_segments(desk.segmentation, Segmentation(SHAPE, scan().ijk_to_ras, [everything]), desk.volume)
    desk.section.ui.labelmapBox.setChecked(True)
    desk.export()
    assert desk.told.level == "error" and "overlap" in desk.told.text and list(desk.out.iterdir()) == []
    desk.section.ui.labelmapBox.setChecked(False)
    desk.export()
    assert len(desk.written()) == 1


def test_a_transform_of_both_changes_nothing_and_is_told(desk):
    desk.transform(desk.volume, desk.segmentation)
    desk.export()
    assert "Turned" in desk.told.text
    assert same(read_seg(desk.written()[0], read_series(desk.files)), blocks())


def test_a_volume_that_was_moved_is_refused(desk):
    desk.volume.SetOrigin(desk.volume.GetOrigin()[0] + 3.0, *desk.volume.GetOrigin()[1:])
    desk.export()
    assert desk.told.level == "error" and "moved" in desk.told.text
    assert list(desk.out.iterdir()) == []


def test_segments_of_a_cropped_volume_go_to_their_place(desk):
    volume = scan()
    cropped = Volume.from_array(
        volume.array[1:5, 1:, 1:8], volume.grid.cropped(VoxelBox((1, 1, 1), (8, 8, 5))).ijk_to_ras, axes="kji"
    )
    node = add_scan(cropped)
    node.SetAttribute("DICOM.instanceUIDs", desk.volume.GetAttribute("DICOM.instanceUIDs"))
    desk.choose(node, desk.segmentation)
    desk.export()
    found = read_seg(desk.written()[0], read_series(desk.files))
    assert same(Segmentation(SHAPE, volume.ijk_to_ras, found.segments[:1]), blocks()[:1])


def test_segments_of_a_resampled_volume_are_taken_to_the_series_with_a_word(desk):
    affine = scan().ijk_to_ras @ np.diag([1, 1, 0.5, 1.0])
    node = add_scan(Volume.from_array(np.repeat(scan().array, 2, axis=0), affine, axes="kji"))
    node.SetAttribute("DICOM.instanceUIDs", desk.volume.GetAttribute("DICOM.instanceUIDs"))
    desk.choose(node, desk.segmentation)
    desk.export()
    assert desk.told.level == "warning" and "another grid" in desk.told.text
    assert same(read_seg(desk.written()[0], read_series(desk.files)), blocks())


def test_a_volume_that_shows_something_else_is_refused(desk):
    affine = scan().ijk_to_ras @ np.diag([1, 1, 0.5, 1.0])
    node = add_scan(Volume.from_array(np.repeat(scan().array[::-1], 2, axis=0), affine, axes="kji"))
    node.SetAttribute("DICOM.instanceUIDs", desk.volume.GetAttribute("DICOM.instanceUIDs"))
    desk.choose(node, desk.segmentation)
    desk.export()
    assert desk.told.level == "error" and list(desk.out.iterdir()) == []


def test_a_folder_that_is_gone_is_said(desk):
    desk.out.rmdir()
    desk.export()
    assert desk.told.level == "error" and str(desk.out) in desk.told.text


@pytest.mark.parametrize("name", [" blanks around ", "Müller, Jörg", "x" * 200, "rel"])
def test_a_folder_of_any_name_is_written_to_and_told_by_its_whole_path(desk, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    desk.out = tmp_path / name
    desk.out.mkdir()
    desk.section.ui.folderLine.text = name
    desk.export()
    assert desk.told.level == "info" and str(tmp_path / name) in desk.told.text
    assert len(desk.written("segmentation.dcm")) == 1


def test_blanks_that_were_typed_around_a_folder_do_not_count(desk):
    desk.section.ui.folderLine.text = f"  {desk.out} "
    desk.export()
    assert len(desk.written("segmentation.dcm")) == 1


def test_a_file_in_the_place_of_the_folder_is_said(desk, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    desk.section.ui.folderLine.text = str(tmp_path / "file")
    assert desk.missing == f"• {tmp_path / 'file'} is a file: choose a folder."
