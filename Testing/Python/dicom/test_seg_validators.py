"""Every kind of output passes the standard's tables, our own check and, where it is installed, `dciodvfy`."""

from __future__ import annotations

import shutil

import pydicom
import pytest
from dicom_segmentations import (
    KINDS,
    box,
    everything,
    on,
    one_voxel,
    segment_of,
    series_of_kind,
    several,
)
from dicom_series import write_as_it_is
from pydicom.sequence import Sequence

from vistaseg.dicom import check_seg, measure, structured_report, write_seg
from vistaseg.dicom.dciodvfy import PROGRAM, parse_report
from vistaseg.errors import InputError

MAKERS = {"several": several, "one voxel": one_voxel}


def levels(path):
    return {finding.level for finding in check_seg(path)}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
def test_no_error_and_no_warning_without_its_meaning(kind, make, tmp_path):
    series = series_of_kind(kind)
    write_seg(make(series), series, tmp_path / "seg.dcm")
    found = check_seg(tmp_path / "seg.dcm")
    assert [finding for finding in found if finding.level == "error"] == []
    assert all(finding.meaning for finding in found if finding.level == "warning")


@pytest.mark.parametrize("kind", ["axial", "sagittal", "enhanced CT"])
def test_label_maps_have_no_error(kind, tmp_path):
    series = series_of_kind(kind)
    segmentation = on(
        series, segment_of("liver", box((1, 4), (2, 6), (3, 7))), segment_of("a", box((5, 6), (0, 1), (0, 1)))
    )
    write_seg(segmentation, series, tmp_path / "seg.dcm", labelmap=True)
    assert levels(tmp_path / "seg.dcm") <= {"note"}


def test_117_segments_have_no_error(tmp_path):
    series = series_of_kind("axial")
    write_seg(everything(series), series, tmp_path / "seg.dcm")
    assert levels(tmp_path / "seg.dcm") <= {"warning", "note"}


@pytest.mark.skipif(shutil.which(PROGRAM) is None, reason="dciodvfy is not installed: package dicom3tools")
def test_dciodvfy_is_asked_where_it_is_installed(tmp_path):
    series = series_of_kind("axial")
    write_seg(one_voxel(series), series, tmp_path / "seg.dcm")
    data = pydicom.dcmread(tmp_path / "seg.dcm")
    data.Modality = "CT"
    data.save_as(tmp_path / "wrong.dcm")
    assert any(finding.source == PROGRAM and finding.level == "error" for finding in check_seg(tmp_path / "wrong.dcm"))
    assert levels(tmp_path / "seg.dcm") == set()


@pytest.mark.skipif(shutil.which(PROGRAM) is None, reason="dciodvfy is not installed: package dicom3tools")
@pytest.mark.parametrize("kind", ["axial", "MR", "enhanced CT"])
def test_dciodvfy_finds_no_error_in_the_report(kind, tmp_path):
    import subprocess

    series = series_of_kind(kind)
    export = write_seg(several(series), series, tmp_path / "seg.dcm")
    measures = measure(export.segmentation, series.volume)
    (tmp_path / "sr.dcm").write_bytes(structured_report(export, series, measures))
    told = subprocess.run([PROGRAM, tmp_path / "sr.dcm"], capture_output=True, text=True).stderr
    assert [finding for finding in parse_report(told) if finding.level == "error"] == []


def test_without_dciodvfy_the_check_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    series = series_of_kind("axial")
    write_seg(one_voxel(series), series, tmp_path / "seg.dcm")
    (note,) = check_seg(tmp_path / "seg.dcm")
    assert note.level == "note" and "not installed" in note.what


def remove(keyword):
    return lambda data: delattr(data, keyword)


def shared(data):
    return data.SharedFunctionalGroupsSequence[0]


def rename(data):
    data.SegmentSequence[1].SegmentNumber = 7


def repeat_frame(data):
    groups = data.PerFrameFunctionalGroupsSequence
    data.PerFrameFunctionalGroupsSequence = Sequence([*groups[:-1], groups[0]])


def deny_overlap(data):
    data.SegmentsOverlap = "NO"


def blank(data):
    data.PixelData = bytes(len(data.PixelData))


def wrong_distance(data):
    shared(data).PixelMeasuresSequence[0].SpacingBetweenSlices = 9


def no_meaning(data):
    del data.SegmentSequence[0].SegmentedPropertyTypeCodeSequence[0].CodeMeaning


def no_algorithm(data):
    del data.SegmentSequence[0].SegmentAlgorithmName


def unlisted(data):
    data.ReferencedSeriesSequence[0].ReferencedInstanceSequence = Sequence(
        data.ReferencedSeriesSequence[0].ReferencedInstanceSequence[:1]
    )


def illegible(keyword, text, vr="IS"):
    return lambda data: write_as_it_is(data, keyword, text, vr)


def number_of_segment(value):
    def change(data):
        data.SegmentSequence[1].SegmentNumber = value

    return change


def no_frames(data):
    data.PerFrameFunctionalGroupsSequence, data.NumberOfFrames, data.PixelData = Sequence(), 0, b""


def nameless_frame(data):
    del data.PerFrameFunctionalGroupsSequence[1].SegmentIdentificationSequence[0].ReferencedSegmentNumber


BROKEN = {
    "blank rows": (lambda data: setattr(data, "Rows", None), "error", "Rows is empty"),
    "blank number of a segment": (number_of_segment(None), "error", "SegmentNumber is empty"),
    "two numbers of a segment": (
        number_of_segment([2, 3]),
        "error",
        "SegmentNumber (0062,0004) is '2\\\\3', not a number",
    ),
    "frames in letters": (
        illegible("NumberOfFrames", b"abc "),
        "error",
        "NumberOfFrames (0028,0008) is 'abc', not a number",
    ),
    "a list of numbers of frames": (illegible("NumberOfFrames", b"3\\4 "), "error", "not a number"),
    "a list of rows": (
        lambda data: setattr(data, "Rows", [9, 9]),
        "error",
        "Rows (0028,0010) is '9\\\\9', not a number",
    ),
    "rows of three bytes": (illegible("Rows", b"\1\2\3", "US"), "error", "Rows cannot be read"),
    "vast number of frames": (illegible("NumberOfFrames", b"2147483647"), "error", "NumberOfFrames is 2147483647"),
    "bits in a list": (lambda data: setattr(data, "BitsAllocated", [1, 1]), "error", "BitsAllocated"),
    "a position of one number": (
        lambda data: setattr(
            data.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0], "ImagePositionPatient", 1
        ),
        "error",
        "ImagePositionPatient",
    ),
    "no frames": (no_frames, "error", "has no frames"),
    "a frame without a segment": (nameless_frame, "error", "1 frames name no segment"),
    "no study": (remove("StudyInstanceUID"), "error", "StudyInstanceUID"),
    "no patient's name": (remove("PatientName"), "error", "PatientName"),
    "empty manufacturer": (lambda data: setattr(data, "Manufacturer", ""), "error", "Manufacturer"),
    "no meaning of a code": (no_meaning, "error", "CodeMeaning"),
    "no frame of reference": (remove("FrameOfReferenceUID"), "error", "FrameOfReferenceUID"),
    "frames and groups differ": (lambda data: setattr(data, "NumberOfFrames", 5), "error", "NumberOfFrames"),
    "segments not from 1 to N": (rename, "error", "numbered"),
    "a frame of no segment": (rename, "error", "not described"),
    "a frame twice": (repeat_frame, "error", "same DimensionIndexValues"),
    "overlap denied": (deny_overlap, "error", "overlap"),
    "blank segments": (blank, "warning", "Segments without a voxel"),
    "blank frames": (blank, "warning", "frames hold no voxel"),
    "wrong distance of slices": (wrong_distance, "error", "SpacingBetweenSlices"),
    "no algorithm name": (no_algorithm, "error", "SegmentAlgorithmName"),
    "references not listed": (unlisted, "error", "not listed"),
    "no orientation": (lambda data: delattr(shared(data), "PlaneOrientationSequence"), "error", "PlaneOrientation"),
    "no size": (
        lambda data: setattr(shared(data).PixelMeasuresSequence[0], "PixelSpacing", [-1, 1]),
        "error",
        "Spacing",
    ),
    "no segments": (remove("SegmentSequence"), "error", "SegmentSequence is missing"),
    "no pixels": (remove("PixelData"), "error", "PixelData is missing."),
    "no fraction": (lambda data: setattr(data, "SegmentationType", "FRACTIONAL"), "error", "MaximumFractionalValue"),
    "cut off": (lambda data: setattr(data, "PixelData", data.PixelData[:10]), "error", "cut off"),
}


@pytest.mark.parametrize(("spoil", "level", "told"), BROKEN.values(), ids=BROKEN.keys())
def test_what_is_wrong_is_found_and_said(spoil, level, told, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    series = series_of_kind("axial")
    write_seg(several(series), series, tmp_path / "seg.dcm")
    data = pydicom.dcmread(tmp_path / "seg.dcm")
    spoil(data)
    data.save_as(tmp_path / "broken.dcm")
    found = check_seg(tmp_path / "broken.dcm")
    assert any(finding.level == level and told in finding.what for finding in found), found


def test_what_is_no_segmentation_is_refused(tmp_path):
    image = series_of_kind("axial").datasets[0]
    image.save_as(tmp_path / "ct.dcm")
    (tmp_path / "text.dcm").write_text("no DICOM")
    for name, told in {
        "ct.dcm": "its modality is CT",
        "text.dcm": "not a DICOM file",
        "none.dcm": "Check the path",
        "": "is a folder",
    }.items():
        with pytest.raises(InputError, match=told):
            check_seg(tmp_path / name)
