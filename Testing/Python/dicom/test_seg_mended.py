"""Series whose headers are not as the standard wants them still become segmentations that it is content with."""

from __future__ import annotations

import pytest
from dicom_segmentations import AXIAL, same_masks, several, volume_on
from dicom_series import uid_of, write_series

from vistaseg.dicom import check_seg, measure, read_seg, read_series, structured_report, write_seg
from vistaseg.dicom.mending import TYPE_2


def without_frame_of_reference(image, _):
    del image.FrameOfReferenceUID


def with_one_in_each_slice(image, k):
    image.FrameOfReferenceUID = uid_of("slice", k)


def without_what_may_be_empty(image, _):
    for keyword in TYPE_2:
        if keyword in image:
            del image[keyword]


def with_blank_uids(image, _):
    image.SOPInstanceUID = image.SOPClassUID = image.StudyInstanceUID = image.SeriesInstanceUID = ""


def without_thickness(image, _):
    del image.SliceThickness


def with_blank_thickness(image, _):
    image.SliceThickness = None


def in_latin_letters(image, _):
    image.SpecificCharacterSet = "ISO_IR 100"
    image.PatientName = "Müller^Zoë"


@pytest.mark.parametrize(
    "change",
    [
        without_frame_of_reference,
        with_one_in_each_slice,
        without_what_may_be_empty,
        with_blank_uids,
        without_thickness,
        with_blank_thickness,
        in_latin_letters,
    ],
)
def test_the_export_is_valid_and_comes_back(change, tmp_path):
    write_series(tmp_path / "ct", volume_on(AXIAL), change=change)
    series = read_series(tmp_path / "ct")
    meant = several(series)
    export = write_seg(meant, series, tmp_path / "seg.dcm")
    assert [finding for finding in check_seg(tmp_path / "seg.dcm") if finding.level == "error"] == []
    assert same_masks(read_seg(tmp_path / "seg.dcm", read_series(tmp_path / "ct")), meant)
    assert structured_report(export, series, measure(export.segmentation, series.volume))


def test_a_name_in_another_character_set_stays_the_same_name(tmp_path):
    import pydicom

    write_series(tmp_path / "ct", volume_on(AXIAL), change=in_latin_letters)
    series = read_series(tmp_path / "ct")
    write_seg(several(series), series, tmp_path / "seg.dcm")
    assert str(pydicom.dcmread(tmp_path / "seg.dcm").PatientName) == "Müller^Zoë"


def test_a_segmentation_from_before_the_mending_is_read(tmp_path):
    """Another program invented a frame of reference for a series that has none."""
    import pydicom

    write_series(tmp_path / "ct", volume_on(AXIAL), change=without_frame_of_reference)
    series = read_series(tmp_path / "ct")
    write_seg(several(series), series, tmp_path / "seg.dcm")
    data = pydicom.dcmread(tmp_path / "seg.dcm")
    data.FrameOfReferenceUID = uid_of("invented")
    data.save_as(tmp_path / "seg.dcm")
    assert same_masks(read_seg(tmp_path / "seg.dcm", series), several(series))
