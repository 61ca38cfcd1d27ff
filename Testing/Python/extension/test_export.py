"""From the panel to DICOM: preconditions, files, the database, reports."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

qt = pytest.importorskip("qt", reason="no Qt: see CONTRIBUTING.md for the libraries that it needs")
slicer = pytest.importorskip("slicer")

import pydicom
from dicom_series import IDENTITY, write_series
from host import module_manager
from host.dicom_database import DicomDatabase

from vistaseg.catalog import get, slicer_terminology_entry
from vistaseg.dicom import check_seg, read_seg, read_series
from vistaseg.mrml import add_segments, segmentation_from_node
from vistaseg.segmentation import Segment, Segmentation, crop_to_content
from vistaseg.volume import Volume

SHAPE = (9, 8, 6)
MADE = {"algorithm_type": "AUTOMATIC", "algorithm_name": "VISTA3D", "model": "vista3d"}


def scan() -> Volume:
    affine = np.diag([-0.9, -0.7, 2.0, 1.0])
    affine[:3, 3] = [10, 20, -30]
    values = np.random.default_rng(0).integers(-1000, 2000, SHAPE[::-1])
    return Volume(values.astype(np.int16), affine, "CT", "CT")


def structure(class_id: int, mask: np.ndarray, **provenance: Any) -> Segment:
    known = get(class_id)
    return Segment(known.name, class_id, class_id, known.color, known.terminology, *crop_to_content(mask), provenance)


def blocks() -> list[Segment]:
    liver, kidney = np.zeros((2, *SHAPE[::-1]), bool)
    liver[1:4, 2:7, 1:6] = True
    kidney[0:6, 0, 8] = True
    return [structure(1, liver, **MADE), structure(5, kidney, **MADE, prompts=[{"kind": "point"}])]


class Desk:
    """A panel over a CT that was loaded from DICOM and has two segments, and the database that knows its files."""

    def __init__(self, panel: Any, scene: Any, folder: Path) -> None:
        self.panel, self.scene, self.out = panel, scene, folder / "out"
        self.out.mkdir()
        self.section = panel.sections["ExportSection"]
        self.files = write_series(folder / "series", scan())
        self.database = slicer.dicomDatabase = DicomDatabase(folder / "database", self.files)
        self.volume = self.addVolume(scan())
        uids = [pydicom.dcmread(file).SOPInstanceUID for file in self.files]
        self.volume.SetAttribute("DICOM.instanceUIDs", " ".join(uids))
        self.segmentation = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Segmentation")
        self.segmentation.CreateDefaultDisplayNodes()
        self.segmentation.SetReferenceImageGeometryParameterFromVolumeNode(self.volume)
        add_segments(self.segmentation, Segmentation(SHAPE, scan().ijk_to_ras, blocks()), self.volume)
        self.choose(self.volume, self.segmentation)
        self.section.ui.section.collapsed = False
        self.section.ui.databaseBox.setChecked(False)
        self.section.ui.folderLine.text = str(self.out)

    def addVolume(self, volume: Volume) -> Any:
        node = self.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
        slicer.util.updateVolumeFromArray(node, np.array(volume.array))
        node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(volume.ijk_to_ras))
        return node

    def choose(self, volume: Any, segmentation: Any) -> None:
        self.panel.selection.volumeNode, self.panel.selection.segmentationNode = volume, segmentation

    def transform(self, *nodes: Any) -> Any:
        transform = self.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "Turned")
        matrix = np.array([[0.8, -0.6, 0, 12], [0.6, 0.8, 0, -7], [0, 0, 1, 30], [0, 0, 0, 1.0]])
        transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
        for node in nodes:
            node.SetAndObserveTransformNodeID(transform.GetID())
        return transform

    def derive(self) -> None:
        self.section.ui.imagesCombo.setCurrentIndex(1)

    @property
    def missing(self) -> str:
        return self.section.ui.missingLabel.text

    @property
    def told(self) -> Any:
        return self.panel.workspace.messages.latest

    def written(self, ending: str = "") -> list[Path]:
        return sorted(path for path in self.out.rglob(f"*{ending}") if path.is_file())


@pytest.fixture
def desk(scene, tmp_path, wait_until) -> Iterator[Desk]:
    qt.QSettings().clear()
    module_manager.load("VistaSeg")
    panel = module_manager.open_widget("VistaSeg").panel
    desk = Desk(panel, scene, tmp_path)
    desk.finish = lambda: wait_until(lambda: desk.told is not None and not panel.workspace.busy)
    desk.export = lambda: (panel.workspace.messages.clear(), desk.section.ui.exportButton.click(), desk.finish())
    yield desk
    panel.workspace.cancel()
    wait_until(lambda: not panel.workspace.busy)
    panel.workspace.messages.clear()
    module_manager.close_widget("VistaSeg")
    del slicer.dicomDatabase


def same(found: Segmentation, meant: list[Segment]) -> bool:
    pairs = zip(found.segments, meant, strict=True)
    return all(
        one.name == other.name
        and one.extent == other.extent
        and np.array_equal(one.mask, other.mask)
        and one.terminology == other.terminology
        and one.provenance["algorithm_type"] == other.provenance["algorithm_type"]
        for one, other in pairs
    )


def test_segments_go_to_a_folder_as_they_are(desk):
    assert desk.missing == ""
    desk.export()
    assert desk.told.level == "info" and "2 segments" in desk.told.text
    (path,) = desk.written()
    assert [finding.what for finding in check_seg(path) if finding.level == "error"] == []
    assert same(read_seg(path, read_series(desk.files)), blocks())


def test_patients_are_named_in_the_file_alone(desk):
    desk.export()
    (path,) = desk.written()
    assert pydicom.dcmread(path).PatientID == IDENTITY["PatientID"]
    said = " ".join([path.name, *(f"{message.text}{message.details}" for message in desk.panel.workspace.messages.all)])
    assert not [value for value in IDENTITY.values() if value in said]


def test_a_label_map_with_a_description_and_reports(desk):
    desk.section.ui.labelmapBox.setChecked(True)
    desk.section.ui.reportBox.setChecked(True)
    desk.section.ui.descriptionLine.text = "Liver of today"
    desk.export()
    seg = pydicom.dcmread(desk.written("segmentation.dcm")[0])
    assert seg.SegmentationType == "LABELMAP" and seg.SeriesDescription == "Liver of today"
    report = pydicom.dcmread(desk.written("report.dcm")[0])
    assert report.Modality == "SR" and seg.SOPInstanceUID in str(report)
    assert "liver" in desk.written("report.csv")[0].read_text()


def test_what_is_hidden_can_be_left_out(desk):
    ids = desk.segmentation.GetSegmentation().GetSegmentIDs()
    desk.segmentation.GetDisplayNode().SetSegmentVisibility(ids[0], False)
    desk.section.ui.visibleBox.setChecked(True)
    desk.export()
    assert same(read_seg(desk.written()[0], read_series(desk.files)), blocks()[1:])


def test_the_database_takes_the_segmentation_into_the_study(desk, wait_until):
    desk.section.ui.databaseBox.setChecked(True)
    desk.section.ui.folderLine.text = ""
    desk.export()
    assert "database" in desk.told.text and desk.written() == []
    study = pydicom.dcmread(desk.files[0]).StudyInstanceUID
    images, new = desk.database.seriesForStudy(study)
    (file,) = desk.database.filesForSeries(new)
    assert same(read_seg(Path(file), read_series(desk.files)), blocks())


def test_a_database_that_refuses_is_told_and_the_files_stay(desk):
    desk.section.ui.databaseBox.setChecked(True)
    desk.database.refuses = True
    desk.export()
    assert desk.told.level == "error" and str(desk.out) in desk.told.text and len(desk.written()) == 1


def break_attribute(desk: Desk) -> str:
    desk.volume.RemoveAttribute("DICOM.instanceUIDs")
    return "not loaded from DICOM"


def break_database(desk: Desk) -> str:
    desk.database.isOpen = False
    return "not open"


def break_absent(desk: Desk) -> str:
    slicer.dicomDatabase = None
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
    return "no segmentation"


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
    cropped = Volume(volume.array[1:5, 1:, 1:8], volume.grid.cropped((1, 1, 1), (8, 8, 5)).ijk_to_ras)
    node = desk.addVolume(cropped)
    node.SetAttribute("DICOM.instanceUIDs", desk.volume.GetAttribute("DICOM.instanceUIDs"))
    desk.choose(node, desk.segmentation)
    desk.export()
    found = read_seg(desk.written()[0], read_series(desk.files))
    assert same(Segmentation(SHAPE, volume.ijk_to_ras, found.segments[:1]), blocks()[:1])


def test_segments_of_a_resampled_volume_are_taken_to_the_series_with_a_word(desk):
    affine = scan().ijk_to_ras @ np.diag([1, 1, 0.5, 1.0])
    node = desk.addVolume(Volume(np.repeat(scan().array, 2, axis=0), affine))
    node.SetAttribute("DICOM.instanceUIDs", desk.volume.GetAttribute("DICOM.instanceUIDs"))
    desk.choose(node, desk.segmentation)
    desk.export()
    assert desk.told.level == "warning" and "another grid" in desk.told.text
    assert same(read_seg(desk.written()[0], read_series(desk.files)), blocks())


def test_a_volume_that_shows_something_else_is_refused(desk):
    affine = scan().ijk_to_ras @ np.diag([1, 1, 0.5, 1.0])
    node = desk.addVolume(Volume(np.repeat(scan().array[::-1], 2, axis=0), affine))
    node.SetAttribute("DICOM.instanceUIDs", desk.volume.GetAttribute("DICOM.instanceUIDs"))
    desk.choose(node, desk.segmentation)
    desk.export()
    assert desk.told.level == "error" and list(desk.out.iterdir()) == []


def test_a_volume_without_dicom_is_exported_with_a_series_made_from_it(desk):
    break_attribute(desk)
    desk.derive()
    desk.export()
    images = sorted(next(desk.out.glob("*images")).iterdir())
    assert "derived" in pydicom.dcmread(images[0]).SeriesDescription and not pydicom.dcmread(images[0]).PatientName
    series = read_series(images)
    assert np.array_equal(series.volume.array, scan().array)
    assert same(read_seg(desk.written("segmentation.dcm")[0], series), blocks())


def test_a_series_that_was_made_is_known_the_next_time(desk):
    break_attribute(desk)
    desk.derive()
    desk.section.ui.databaseBox.setChecked(True)
    desk.export()
    desk.section.ui.imagesCombo.setCurrentIndex(0)
    assert desk.missing == ""
    desk.export()
    assert (desk.told.level, desk.told.text) == ("info", desk.told.text)


def test_a_moved_volume_gets_a_series_in_its_study(desk):
    desk.volume.SetOrigin(desk.volume.GetOrigin()[0] + 3.0, *desk.volume.GetOrigin()[1:])
    desk.derive()
    desk.export()
    image = pydicom.dcmread(next(next(desk.out.glob("*images")).iterdir()))
    assert image.PatientID == IDENTITY["PatientID"]
    assert image.StudyInstanceUID == pydicom.dcmread(desk.files[0]).StudyInstanceUID


def test_a_volume_that_lies_in_a_study_of_the_data_tree_gets_a_series_in_it(desk):
    break_attribute(desk)
    study = pydicom.dcmread(desk.files[0]).StudyInstanceUID
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(desk.scene)
    item = hierarchy.CreateStudyItem(hierarchy.GetSceneItemID(), "Study")
    hierarchy.SetItemUID(item, slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMUIDName(), study)
    hierarchy.CreateItem(item, desk.volume)
    desk.derive()
    desk.export()
    assert pydicom.dcmread(next(next(desk.out.glob("*images")).iterdir())).StudyInstanceUID == study


def test_a_cancelled_export_leaves_nothing(desk):
    desk.panel.workspace.messages.clear()
    desk.section.ui.exportButton.click()
    desk.panel.workspace.cancel()
    desk.finish()
    assert "Cancelled" in desk.told.text and list(desk.out.iterdir()) == []


def test_a_failure_after_the_segmentation_leaves_nothing(desk, monkeypatch):
    from vistaseg.dicom import delivery
    from vistaseg.errors import InputError

    def fail(*_: Any) -> bytes:
        raise InputError("no report today")

    monkeypatch.setattr(delivery, "structured_report", fail)
    desk.section.ui.reportBox.setChecked(True)
    desk.export()
    assert "no report today" in desk.told.text and list(desk.out.iterdir()) == []


def test_a_folder_that_is_gone_is_said(desk):
    desk.out.rmdir()
    desk.export()
    assert desk.told.level == "error" and str(desk.out) in desk.told.text


def test_a_table_needs_no_dicom(desk):
    break_attribute(desk)
    desk.panel.workspace.messages.clear()
    desk.section.ui.tableButton.click()
    desk.finish()
    (path,) = desk.written()
    rows = path.read_text().splitlines()
    assert path.suffix == ".csv" and len(rows) == 3 and "liver" in rows[1]


def test_the_folder_is_remembered(desk, monkeypatch):
    monkeypatch.setattr(qt.QFileDialog, "getExistingDirectory", lambda *_: str(desk.out))
    desk.section.ui.folderLine.text = ""
    desk.section.ui.folderButton.click()
    from VistaSegLib.ExportSection import ExportSection

    again = ExportSection(desk.panel.selection, desk.panel.workspace)
    assert again.options.folder == str(desk.out)
    again.cleanup()


def test_segments_read_from_a_node_are_those_of_the_scene(desk):
    assert same(segmentation_from_node(desk.segmentation, desk.volume), blocks())


def test_segments_added_to_an_old_segmentation_get_the_reference_that_slicer_s_own_exporter_needs(desk):
    node = desk.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Old")
    node.GetSegmentation().AddEmptySegment("", "old")
    add_segments(node, Segmentation(SHAPE, scan().ijk_to_ras, blocks()), desk.volume)
    assert node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole()) is desk.volume


def test_slicer_s_own_exporter_finds_what_it_asks_for(desk):
    node = desk.segmentation
    assert node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole()) is desk.volume
    entry = slicer.vtkSlicerTerminologyEntry()
    for segment_id, meant in zip(node.GetSegmentation().GetSegmentIDs(), blocks(), strict=True):
        assert tag(node, segment_id, "DICOM.SegmentAlgorithmType") == "AUTOMATIC"
        assert tag(node, segment_id, "DICOM.SegmentAlgorithmName") == "VISTA3D"
        text = tag(node, segment_id, slicer.vtkSegment.GetTerminologyEntryTagName())
        assert text == slicer_terminology_entry(meant.terminology)
        assert slicer.modules.terminologies.logic().DeserializeTerminologyEntry(text, entry)
        assert entry.GetTypeObject().GetCodeValue() == meant.terminology.type.value


def tag(node: Any, segment_id: str, name: str) -> str:
    from vistaseg.mrml.tags import read_tag

    return read_tag(node.GetSegmentation().GetSegment(segment_id), name) or ""
