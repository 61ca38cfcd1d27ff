"""From the panel to DICOM: files, the database, series that are made, reports, and Slicer's own exporter."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

qt = pytest.importorskip("qt", reason="no Qt: see CONTRIBUTING.md for the libraries that it needs")
slicer = pytest.importorskip("slicer")
pydicom = pytest.importorskip("pydicom")

from dicom_series import IDENTITY
from export_desk import SHAPE, blocks, same, scan
from stepped_model import is_computed, wait_for

from vistaseg.catalog import slicer_terminology_entry
from vistaseg.dicom import check_seg, read_seg, read_series
from vistaseg.mrml.adding import add_segments
from vistaseg.mrml.snapshots import segmentation_from_node
from vistaseg.segmentation import Segmentation


@pytest.fixture
def desk(export_desk):
    return export_desk


def test_segments_go_to_a_folder_as_they_are(desk):
    assert desk.missing == ""
    desk.export()
    assert desk.told.level == "info" and "2 segments" in desk.told.text
    (path,) = desk.written()
    assert not pydicom.dcmread(path).file_meta.TransferSyntaxUID.is_deflated
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
    desk.section.ui.deflateBox.setChecked(True)
    desk.section.ui.reportBox.setChecked(True)
    desk.section.ui.descriptionLine.text = "Liver of today"
    desk.export()
    seg = pydicom.dcmread(desk.written("segmentation.dcm")[0])
    assert seg.SegmentationType == "LABELMAP" and seg.SeriesDescription == "Liver of today"
    assert seg.file_meta.TransferSyntaxUID.is_deflated
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


@pytest.mark.parametrize("refused", ["SEG", "SR", "CT"])
@pytest.mark.parametrize("folder", [True, False])
def test_all_of_an_export_goes_into_the_database_or_nothing(desk, refused, folder):
    """64 images and a report without their segmentation are of no use, and nobody knows where they come from."""
    before = known(desk.database)
    desk.volume.RemoveAttribute("DICOM.instanceUIDs")
    desk.derive()
    desk.section.ui.reportBox.setChecked(True)
    desk.section.ui.databaseBox.setChecked(True)
    desk.section.ui.folderLine.text = str(desk.out) if folder else ""
    desk.database.refuses = {refused}
    desk.export()
    assert desk.told.level == "error" and "did not take the export" in desk.told.text
    assert known(desk.database) == before
    if folder:
        assert str(desk.out) in desk.told.text and len(desk.written(".dcm")) == 8
    else:
        assert "Nothing was kept" in desk.told.text
    assert not desk.volume.GetAttribute("DICOM.instanceUIDs")
    desk.database.refuses = set()
    desk.export()
    assert "Slicer's DICOM database, and read back" in desk.told.text and len(known(desk.database)) == len(before) + 8


def test_no_segmentation_stays_in_a_study_whose_report_was_refused(desk):
    study = pydicom.dcmread(desk.files[0]).StudyInstanceUID
    before = desk.database.seriesForStudy(study)
    desk.section.ui.reportBox.setChecked(True)
    desk.section.ui.databaseBox.setChecked(True)
    desk.section.ui.folderLine.text = ""
    desk.database.refuses = {"SR"}
    desk.export()
    assert "Nothing was kept" in desk.told.text and desk.database.seriesForStudy(study) == before


def test_a_database_that_is_full_half_way_keeps_no_image(desk, monkeypatch):
    before, insert, room = known(desk.database), desk.database.insert, iter(range(4))
    monkeypatch.setattr(desk.database, "insert", lambda path: None if next(room, None) is None else insert(path))
    desk.volume.RemoveAttribute("DICOM.instanceUIDs")
    desk.derive()
    desk.section.ui.databaseBox.setChecked(True)
    desk.section.ui.folderLine.text = ""
    desk.export()
    assert desk.told.level == "error" and known(desk.database) == before


def test_what_could_not_be_taken_out_again_is_told(desk, monkeypatch):
    desk.volume.RemoveAttribute("DICOM.instanceUIDs")
    desk.derive()
    desk.section.ui.databaseBox.setChecked(True)
    desk.section.ui.folderLine.text = ""
    desk.database.refuses = {"CT"}
    monkeypatch.setattr(desk.database, "removeSeries", lambda _uid: False)
    desk.export()
    assert "1 of its files are in the database: delete their series" in desk.told.text
    assert "Nothing was kept" not in desk.told.text


def known(database) -> set[str]:
    """Files of the database."""
    return {str(file) for _study, _series, file in database._files.values()}


def test_a_volume_without_dicom_is_exported_with_a_series_made_from_it(desk):
    desk.volume.RemoveAttribute("DICOM.instanceUIDs")
    desk.section.ui.reportBox.setChecked(True)
    desk.derive()
    desk.export()
    images = sorted(next(desk.out.glob("*images")).iterdir())
    assert "derived" in pydicom.dcmread(images[0]).SeriesDescription and not pydicom.dcmread(images[0]).PatientName
    series = read_series(images)
    assert np.array_equal(series.volume.array, scan().array)
    (seg,) = desk.written("segmentation.dcm")
    assert same(read_seg(seg, series), blocks())
    assert [finding.what for finding in check_seg(seg) if finding.level == "error"] == []
    assert len(desk.written("report.dcm")) == 1


def test_a_series_that_was_made_is_known_the_next_time(desk):
    desk.volume.RemoveAttribute("DICOM.instanceUIDs")
    desk.derive()
    desk.section.ui.databaseBox.setChecked(True)
    desk.export()
    desk.section.ui.imagesCombo.setCurrentIndex(0)
    assert desk.missing == ""
    desk.export()
    assert (desk.told.level, desk.told.text) == ("info", desk.told.text)


def test_what_is_on_its_way_to_the_database_arrives_after_the_panel_was_left(desk, wait_until):
    desk.derive()
    desk.section.ui.databaseBox.setChecked(True)
    desk.section.ui.exportButton.click()
    wait_until(lambda: not desk.panel.workspace.busy)
    assert desk.told is None
    desk.section.cleanup()
    wait_until(lambda: desk.told is not None)
    assert "database" in desk.told.text and desk.told.level == "info"
    study = pydicom.dcmread(desk.files[0]).StudyInstanceUID
    counts = [len(desk.database.filesForSeries(series)) for series in desk.database.seriesForStudy(study)]
    assert sorted(counts) == [1, 6, 6]


def test_a_moved_volume_gets_a_series_in_its_study(desk):
    desk.volume.SetOrigin(desk.volume.GetOrigin()[0] + 3.0, *desk.volume.GetOrigin()[1:])
    desk.derive()
    desk.export()
    image = pydicom.dcmread(next(next(desk.out.glob("*images")).iterdir()))
    assert image.PatientID == IDENTITY["PatientID"]
    assert image.StudyInstanceUID == pydicom.dcmread(desk.files[0]).StudyInstanceUID


def test_a_volume_that_lies_in_a_study_of_the_data_tree_gets_a_series_in_it(desk):
    desk.volume.RemoveAttribute("DICOM.instanceUIDs")
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


def test_an_export_that_is_cancelled_when_its_files_are_there_is_told_with_them(desk):
    workspace = desk.panel.workspace
    workspace.messages.clear()
    desk.section.ui.exportButton.click()
    wait_for(lambda: is_computed(workspace))
    workspace.cancel()
    desk.finish()
    assert "2 segments exported" in desk.told.text and len(desk.written(".dcm")) == 1


def test_a_failure_after_the_segmentation_leaves_nothing(desk, monkeypatch):
    from vistaseg.dicom import delivery
    from vistaseg.errors import InputError

    def fail(*_: Any) -> bytes:
        raise InputError("no report today")

    monkeypatch.setattr(delivery, "structured_report", fail)
    desk.section.ui.reportBox.setChecked(True)
    desk.export()
    assert "no report today" in desk.told.text and list(desk.out.iterdir()) == []


def test_a_table_needs_no_dicom(desk):
    desk.volume.RemoveAttribute("DICOM.instanceUIDs")
    desk.press(desk.section.ui.tableButton)
    (path,) = desk.written()
    rows = path.read_text().splitlines()
    assert path.suffix == ".csv" and len(rows) == 3 and "liver" in rows[1]


@pytest.mark.parametrize(("large", "deflate"), [(10**9, False), (1000, False), (1000, True)])
def test_the_size_is_told_before_the_segmentation_is_written(desk, monkeypatch, wait_until, large, deflate):
    from vistaseg.dicom import seg_writer

    monkeypatch.setattr("VistaSegLib.Exporting.LARGE_BYTES", large)
    workspace, goOn, content = desk.panel.workspace, threading.Event(), seg_writer.DatasetWriter
    monkeypatch.setattr(seg_writer, "DatasetWriter", lambda *arguments: (goOn.wait(20), content(*arguments))[1])
    desk.section.ui.deflateBox.setChecked(deflate)
    workspace.messages.clear()
    desk.section.ui.exportButton.click()
    stage = desk.panel.sections["ProgressSection"].ui.stageLabel
    wait_until(lambda: "writing " in stage.text)
    size = float(re.search(r"writing ([\d.]+) kB", stage.text).group(1)) * 1000
    assert ("deflated" in stage.text) == deflate and not any(path.stat().st_size for path in desk.written())
    if large == 1000 and not deflate:
        assert f"The DICOM segmentation takes {size / 1000:.1f} kB. Deflated it is much smaller" in desk.told.text
        assert "check “Deflated”" in desk.told.text and "dciodvfy do not" in desk.told.text
    else:
        assert desk.told is None
    goOn.set()
    wait_until(lambda: desk.told is not None and "2 segments exported" in desk.told.text)
    (file,) = desk.written()
    assert file.stat().st_size < 0.8 * size if deflate else abs(size - file.stat().st_size) <= 50


def test_values_that_no_ct_has_are_told_with_the_measures(desk):
    values = slicer.util.arrayFromVolume(desk.volume).astype(np.int32)
    values[2, 3, 3] = 32000
    slicer.util.updateVolumeFromArray(desk.volume, values)
    desk.press(desk.section.ui.tableButton)
    assert desk.told.level == "warning" and "liver: 1 voxels are above 30,710 HU" in desk.told.text
    desk.derive()
    desk.section.ui.reportBox.setChecked(True)
    desk.export()
    assert desk.told.level == "warning" and "liver: 1 voxels are above 30,710 HU" in desk.told.text


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
