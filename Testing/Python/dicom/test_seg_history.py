"""A DICOM segmentation that is corrected and exported again says what it came from."""

from __future__ import annotations

from dataclasses import replace

import pydicom
import pytest
from dicom_segmentations import AUTOMATIC, box, on, same_masks, segment_of, series_of_kind, several

from vistaseg.dicom import check_seg, read_seg, write_seg
from vistaseg.masks.boxed import BoxedMask
from vistaseg.segmentation import Segment, read_segmentation, write_segmentation


@pytest.fixture
def series():
    return series_of_kind("axial")


def corrected(segment: Segment, mask) -> Segment:
    """As a session gives a segment back that clicks have changed."""
    made = AUTOMATIC | {"algorithm_type": "SEMIAUTOMATIC", "prompts": [], "corrected": dict(segment.provenance)}
    return replace(segment, mask=BoxedMask.of(mask), provenance=made)


def test_the_former_instance_is_referenced_and_the_correction_is_semiautomatic(series, tmp_path):
    before = write_seg(several(series), series, tmp_path / "before.dcm").header
    found = read_seg(tmp_path / "before.dcm", series)
    found.segments[0] = corrected(found.segments[0], box((1, 5), (2, 6), (3, 7)))
    write_seg(found, series, tmp_path / "after.dcm")
    after = pydicom.dcmread(tmp_path / "after.dcm")
    sources = {item.ReferencedSOPInstanceUID: item for item in after.SourceImageSequence}
    assert sources[before.SOPInstanceUID].ReferencedSOPClassUID == before.SOPClassUID
    listed = {item.SeriesInstanceUID for item in after.ReferencedSeriesSequence}
    assert listed == {before.SeriesInstanceUID, series.datasets[0].SeriesInstanceUID}
    types = [item.SegmentAlgorithmType for item in after.SegmentSequence]
    assert types == ["SEMIAUTOMATIC", "SEMIAUTOMATIC", "MANUAL", "AUTOMATIC"]
    assert after.SOPInstanceUID != before.SOPInstanceUID
    assert [finding for finding in check_seg(tmp_path / "after.dcm") if finding.level == "error"] == []


def test_the_corrected_one_is_read_as_about_the_same_series(series, tmp_path):
    write_seg(several(series), series, tmp_path / "before.dcm")
    found = read_seg(tmp_path / "before.dcm", series)
    write_seg(found, series, tmp_path / "after.dcm")
    assert same_masks(read_seg(tmp_path / "after.dcm", series), several(series))


def test_a_structure_is_tracked_from_one_export_to_the_next(series, tmp_path):
    write_seg(several(series), series, tmp_path / "before.dcm")
    found = read_seg(tmp_path / "before.dcm", series)
    found.segments[0] = corrected(found.segments[0], box((1, 5), (2, 6), (3, 7)))
    write_seg(found, series, tmp_path / "after.dcm")
    before, after = (pydicom.dcmread(tmp_path / name).SegmentSequence for name in ("before.dcm", "after.dcm"))
    assert [item.TrackingUID for item in before] == [item.TrackingUID for item in after]
    assert len({item.TrackingUID for item in before}) == len(before)


def test_the_history_outlives_a_file_of_slicer(series, tmp_path):
    before = write_seg(several(series), series, tmp_path / "before.dcm").header
    write_segmentation(read_seg(tmp_path / "before.dcm", series), tmp_path / "between.seg.nrrd")
    write_seg(read_segmentation(tmp_path / "between.seg.nrrd"), series, tmp_path / "after.dcm")
    after = pydicom.dcmread(tmp_path / "after.dcm")
    assert before.SOPInstanceUID in {item.ReferencedSOPInstanceUID for item in after.SourceImageSequence}
    assert [item.SegmentAlgorithmType for item in after.SegmentSequence][:3] == ["AUTOMATIC", "SEMIAUTOMATIC", "MANUAL"]


def test_a_segmentation_of_another_study_is_referenced_as_such(series, tmp_path):
    write_seg(several(series), series, tmp_path / "before.dcm")
    data = pydicom.dcmread(tmp_path / "before.dcm")
    data.StudyInstanceUID = "1.2.3.4"
    data.save_as(tmp_path / "elsewhere.dcm")
    write_seg(read_seg(tmp_path / "elsewhere.dcm", series), series, tmp_path / "after.dcm")
    after = pydicom.dcmread(tmp_path / "after.dcm")
    (study,) = after.StudiesContainingOtherReferencedInstancesSequence
    assert study.StudyInstanceUID == "1.2.3.4"
    assert [finding for finding in check_seg(tmp_path / "after.dcm") if finding.level == "error"] == []


def test_what_nobody_recorded_is_said_to_be_unknown(series, tmp_path):
    export = write_seg(on(series, segment_of("liver", box((1, 2), (1, 2), (1, 2)), {})), series, tmp_path / "seg.dcm")
    item = pydicom.dcmread(tmp_path / "seg.dcm").SegmentSequence[0]
    assert (item.SegmentAlgorithmType, item.SegmentAlgorithmName) == ("SEMIAUTOMATIC", "unknown")
    assert "SegmentationAlgorithmIdentificationSequence" not in item
    assert any("not recorded" in note and "liver" in note for note in export.notes)
