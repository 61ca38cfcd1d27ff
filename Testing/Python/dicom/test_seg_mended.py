"""Series whose headers are not as the standard wants them still become segmentations that it is content with."""

from __future__ import annotations

import re

import pytest
from dicom_segmentations import AXIAL, KINDS, same_masks, series_of_kind, several, volume_on
from dicom_series import enhanced_ct, uid_of, write_as_it_is, write_series
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from vistaseg.dicom import (
    check_seg,
    measure,
    read_seg,
    read_series,
    require_exportable,
    structured_report,
    write_seg,
)
from vistaseg.dicom.mending import TYPE_2
from vistaseg.errors import InputError


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


def turned_by(sine):
    """The upper half against the lower one."""

    def change(image, k):
        if k >= 3:
            image.ImageOrientationPatient = [1, sine, 0, -sine, 1, 0]

    return change


def with_dates_of_old(image, _):
    image.StudyDate, image.StudyTime = "2020.01.02", "10:11:12"


def with_no_date_at_all(image, _):
    image.PatientBirthDate = "unknown"


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
@pytest.mark.parametrize(
    "change",
    [
        with_dates_of_old,
        with_no_date_at_all,
        turned_by(1e-6),
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


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
def test_dates_of_old_are_kept_and_what_is_none_is_told(tmp_path):
    write_series(tmp_path / "old", volume_on(AXIAL), change=with_dates_of_old)
    series = read_series(tmp_path / "old")
    write_seg(several(series), series, tmp_path / "seg.dcm")
    found = dcmread(tmp_path / "seg.dcm")
    assert (found.StudyDate, found.StudyTime) == ("20200102", "101112") and series.mended == ()
    write_series(tmp_path / "none", volume_on(AXIAL), change=with_no_date_at_all)
    assert read_series(tmp_path / "none").mended == (
        "Values that are not dates or times were left empty: PatientBirthDate.",
    )


def test_images_of_a_private_kind_are_refused_in_clear_words(tmp_path):
    write_series(tmp_path, volume_on(AXIAL), change=lambda image, _: setattr(image, "SOPClassUID", "1.3.46.670589.1"))
    series = read_series(tmp_path)
    with pytest.raises(InputError, match="of a private kind .SOPClassUID 1.3.46.670589.1."):
        write_seg(several(series), series, tmp_path / "seg.dcm")


@pytest.mark.parametrize("shared_groups", [True, False])
def test_an_enhanced_image_that_describes_each_frame_in_full_is_enough(shared_groups, tmp_path):
    image = enhanced_ct(volume_on(AXIAL), [5, 4, 3, 2, 1, 0])
    shared = image.SharedFunctionalGroupsSequence[0]
    for group in image.PerFrameFunctionalGroupsSequence:
        group.update(shared)
    if shared_groups:
        shared.clear()
    else:
        del image.SharedFunctionalGroupsSequence
    image.save_as(tmp_path / "e.dcm", enforce_file_format=True)
    series = read_series(tmp_path)
    write_seg(several(series), series, tmp_path / "seg.dcm")
    assert [finding for finding in check_seg(tmp_path / "seg.dcm") if finding.level == "error"] == []
    assert same_masks(read_seg(tmp_path / "seg.dcm", series), several(series))


@pytest.mark.parametrize("kind", ["single", "enhanced"])
def test_halves_that_are_turned_against_each_other_are_refused_in_clear_words(kind, tmp_path):
    if kind == "single":
        write_series(tmp_path, volume_on(AXIAL), change=turned_by(9e-4))
    else:
        image = enhanced_ct(volume_on(AXIAL))
        shared = image.SharedFunctionalGroupsSequence[0]
        for k, group in enumerate(image.PerFrameFunctionalGroupsSequence):
            turned = Dataset()
            turned.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
            turned_by(9e-4)(turned, k)
            group.PlaneOrientationSequence = Sequence([turned])
        del shared.PlaneOrientationSequence
        image.save_as(tmp_path / "e.dcm", enforce_file_format=True)
    series = read_series(tmp_path)
    with pytest.raises(InputError, match="turned against each other by 0.052 degrees .* one orientation"):
        write_seg(several(series), series, tmp_path / "seg.dcm")


def test_a_name_in_another_character_set_stays_the_same_name(tmp_path):
    write_series(tmp_path / "ct", volume_on(AXIAL), change=in_latin_letters)
    series = read_series(tmp_path / "ct")
    write_seg(several(series), series, tmp_path / "seg.dcm")
    assert str(dcmread(tmp_path / "seg.dcm").PatientName) == "Müller^Zoë"


def test_a_segmentation_from_before_the_mending_is_read(tmp_path):
    """Another program invented a frame of reference for a series that has none."""
    write_series(tmp_path / "ct", volume_on(AXIAL), change=without_frame_of_reference)
    series = read_series(tmp_path / "ct")
    write_seg(several(series), series, tmp_path / "seg.dcm")
    data = dcmread(tmp_path / "seg.dcm")
    data.FrameOfReferenceUID = uid_of("invented")
    data.save_as(tmp_path / "seg.dcm")
    assert same_masks(read_seg(tmp_path / "seg.dcm", series), several(series))


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
@pytest.mark.parametrize(
    ("told", "written", "words"),
    [
        (b"U ", "", "PatientSex \\(0010,0040\\) is 'U', not M, F or O: it was left out"),
        (b"male", "M", "'male', not M, F or O: it was written as M"),
        (b"Female", "F", "'Female', .* written as F"),
        (b"other ", "O", "'other', .* written as O"),
        (b"f ", "F", "'f', .* written as F"),
        (b"M\\F ", "", "left out"),
    ],
)
def test_a_sex_that_dicom_does_not_know_is_mapped_or_left_out_with_a_note(tmp_path, told, written, words):
    write_series(tmp_path / "ct", volume_on(AXIAL), change=lambda i, _: write_as_it_is(i, "PatientSex", told, "CS"))
    series = read_series(tmp_path / "ct")
    require_exportable(series, report=True)
    export = write_seg(several(series), series, tmp_path / "seg.dcm")
    assert (dcmread(tmp_path / "seg.dcm").PatientSex or "") == written
    assert re.search(words, " ".join(series.mended))
    assert structured_report(export, series, measure(export.segmentation, series.volume))


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
@pytest.mark.parametrize("enhanced", [False, True])
def test_a_thickness_with_a_decimal_comma_is_left_out_with_a_note(tmp_path, enhanced):
    def comma(image, _):
        write_as_it_is(image, "SliceThickness", b"6,0 ")

    if enhanced:
        image = enhanced_ct(volume_on(AXIAL))
        comma(image.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0], 0)
        image.save_as(tmp_path / "e.dcm", enforce_file_format=True)
    else:
        write_series(tmp_path / "ct", volume_on(AXIAL), change=comma)
    series = read_series(tmp_path)
    write_seg(several(series), series, tmp_path / "seg.dcm")
    measures = dcmread(tmp_path / "seg.dcm").SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert (measures.SliceThickness, measures.SpacingBetweenSlices) == (2.5, 2.5)
    assert any("SliceThickness (0018,0050), which is '6,0', cannot be read" in sentence for sentence in series.mended)


def of_a_private_kind(image, _):
    image.SOPClassUID = "1.3.46.670589.1"


def of_two_studies(image, k):
    image.StudyInstanceUID = uid_of("study", k % 2)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (of_a_private_kind, "SOPClassUID 1.3.46.670589.1"),
        (of_two_studies, "StudyInstanceUID"),
        (turned_by(9e-4), "ImageOrientationPatient"),
    ],
)
def test_what_stops_an_export_is_found_before_there_is_anything_to_export(tmp_path, change, words):
    write_series(tmp_path, volume_on(AXIAL), change=change)
    series = read_series(tmp_path)
    with pytest.raises(InputError, match=words):
        require_exportable(series)


@pytest.mark.parametrize("labelmap", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_sound_series_allows_every_export(kind, labelmap):
    require_exportable(series_of_kind(kind), labelmap=labelmap, report=True)
