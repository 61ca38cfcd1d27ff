"""Segments that Slicer's importer loaded from a DICOM segmentation: corrected, exported again, their history kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
import slicer
from export_desk import Desk, blocks, scan, structure
from host.mrml_nodes import add_segmentation

from vistaseg.dicom import read_seg, read_series, write_seg
from vistaseg.dicom.history import predecessor_of
from vistaseg.mrml.adding import add_segments
from vistaseg.segmentation import Segmentation

HASH = "cd" * 32


@pytest.fixture
def desk(panel, tmp_path) -> Desk:
    """A panel over a CT, and a segmentation as Slicer loads it from its DICOM database."""
    made = Desk(panel, tmp_path)
    first, second = blocks()
    spleen = np.zeros(scan().array.shape, bool)
    spleen[2:5, 5:7, 6:9] = True
    segments = [first, second, structure(3, spleen, algorithm_type="MANUAL")]
    for segment in segments[:2]:
        segment.provenance |= {"weights_sha256": HASH, "software": "VistaSeg 0.0.9"}
    series = read_series([*made.files])
    path = tmp_path / "loaded.dcm"
    write_seg(Segmentation(scan().shape_ijk, scan().ijk_to_ras, segments), series, path)
    made.database.insert(str(path))
    made.loaded = pydicom.dcmread(path)
    made.segmentation = load_as_slicer(path, made.volume)
    made.choose(made.volume, made.segmentation)
    return made


def load_as_slicer(path, volume_node):
    """What Slicer's DICOMSegmentationPlugin leaves in the scene: names, codes, colours, type and name of algorithms."""
    found = read_seg(path)
    node = add_segmentation(volume_node)
    ids = add_segments(node, found, volume_node)
    for segment_id, item in zip(ids, pydicom.dcmread(path).SegmentSequence, strict=True):
        segment = node.GetSegmentation().GetSegment(segment_id)
        for name in ("VistaSeg.Provenance", "VistaSeg.StructureId", "VistaSeg.Seal"):
            segment.RemoveTag(name)
        for keyword in ("SegmentAlgorithmType", "SegmentAlgorithmName"):
            if keyword in item:
                segment.SetTag(f"DICOM.{keyword}", item.get(keyword))
    node.SetAttribute("DICOM.instanceUIDs", str(pydicom.dcmread(path).SOPInstanceUID))
    return node


def exported(desk: Desk) -> pydicom.Dataset:
    desk.export()
    assert desk.told.level in ("info", "warning"), desk.told
    (path,) = desk.written("segmentation.dcm")
    return pydicom.dcmread(path)


def paint(desk: Desk, segment_number: int) -> None:
    """Take a voxel away, as the editor does."""
    node = desk.segmentation
    segment_id = node.GetSegmentation().GetNthSegmentID(segment_number)
    array = slicer.util.arrayFromSegmentBinaryLabelmap(node, segment_id, desk.volume)
    array[tuple(np.argwhere(array)[0])] = 0
    slicer.util.updateSegmentBinaryLabelmapFromArray(array, node, segment_id, desk.volume)


def test_untouched_segments_keep_algorithm_weights_and_tracking(desk):
    again = exported(desk)
    for before, after in zip(desk.loaded.SegmentSequence, again.SegmentSequence, strict=True):
        for keyword in ("SegmentAlgorithmType", "TrackingID", "TrackingUID", "SegmentLabel"):
            assert before.get(keyword) == after.get(keyword)
        assert ("SegmentationAlgorithmIdentificationSequence" in before) == (
            "SegmentationAlgorithmIdentificationSequence" in after
        )
    assert HASH in again.SegmentSequence[0].SegmentationAlgorithmIdentificationSequence[0].AlgorithmParameters
    assert [segment.structure_id for segment in read_seg(desk.written("segmentation.dcm")[0]).segments] == [1, 5, 3]


def test_a_series_that_is_made_for_the_export_keeps_the_history_too(desk):
    desk.derive()
    again = exported(desk)
    assert again.SegmentSequence[0].TrackingUID == desk.loaded.SegmentSequence[0].TrackingUID
    assert again.SegmentSequence[0].SegmentAlgorithmType == "AUTOMATIC"


def test_the_new_object_names_its_predecessor_and_has_a_series_of_its_own(desk):
    again = exported(desk)
    assert desk.loaded.SOPInstanceUID in [item.ReferencedSOPInstanceUID for item in again.SourceImageSequence]
    assert again.SeriesInstanceUID != desk.loaded.SeriesInstanceUID
    assert again.SeriesNumber > desk.loaded.SeriesNumber + 1  # whose report has the next


def test_a_segment_that_was_painted_on_is_automatic_no_more_and_still_the_same(desk):
    paint(desk, 0)
    again = exported(desk)
    item = again.SegmentSequence[0]
    assert item.SegmentAlgorithmType == "SEMIAUTOMATIC"
    assert item.TrackingUID == desk.loaded.SegmentSequence[0].TrackingUID
    provenance = read_seg(desk.written("segmentation.dcm")[0]).segments[0].provenance
    assert provenance["edited"] is True and provenance["weights_sha256"] == HASH
    assert again.SegmentSequence[2].SegmentAlgorithmType == "MANUAL"


def test_a_segment_that_was_renamed_is_another(desk):
    desk.segmentation.GetSegmentation().GetNthSegment(0).SetName("metastasis")
    again = exported(desk)
    assert again.SegmentSequence[0].TrackingUID != desk.loaded.SegmentSequence[0].TrackingUID
    assert "metastasis" in desk.told.text


@pytest.mark.parametrize("by", ["the disk", "the database"])
def test_a_file_that_is_gone_is_said_and_the_export_goes_on(desk, by):
    if by == "the disk":
        Path(desk.database.fileForInstance(str(desk.loaded.SOPInstanceUID))).unlink()
    else:
        desk.database.removeSeries(desk.loaded.SeriesInstanceUID)
    again = exported(desk)
    assert (
        len(again.SegmentSequence) == 3
        and desk.told.level == "warning"
        and "whether they were edited" in desk.told.text
    )


def test_the_table_of_results_says_imported(desk):
    from vistaseg.mrml.reading import segment_record
    from VistaSegLib.ResultTexts import madeBy

    ids = desk.segmentation.GetSegmentation().GetSegmentIDs()
    made = [madeBy(segment_record(desk.segmentation, segment_id).provenance) for segment_id in ids]
    assert made == ["imported, automatic", "imported, automatic", "imported, by hand"]


def test_a_correction_by_prompts_keeps_them_over_the_history_of_the_file():
    from vistaseg.dicom.imported import _rebased

    prompts = [{"kind": "point"}]
    made = {"algorithm_type": "SEMIAUTOMATIC", "prompts": prompts, "corrected": {"imported": True}}
    assert _rebased(made, {"weights_sha256": HASH}) == {**made, "corrected": {"weights_sha256": HASH}}
    assert predecessor_of(_rebased(made, {})) is None
