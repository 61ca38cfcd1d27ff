"""Series that hold more than one stack of slices: which is taken, what is said, what is refused."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from dicom_segmentations import on, segment_of
from dicom_series import ct_images, enhanced_ct, position_lps, uid_of, write_as_it_is, write_series
from pydicom.uid import MRImageStorage

from vistaseg.dicom import find_series, read_series, write_seg
from vistaseg.errors import InputError
from vistaseg.volume import Volume, check_ct, read_volume


def later(scan: Volume, add: int = 100) -> Volume:
    """The same place at another time."""
    return Volume.from_array(scan.array + np.int16(add), scan.ijk_to_ras, axes="kji", modality="CT")


def setting(**attributes):
    """Change each image, and make it an instance of its own."""

    def change(image, k):
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = uid_of(k, *attributes.items())
        for keyword, value in attributes.items():
            setattr(image, keyword, value)

    return change


TELLING = [
    ("TemporalPositionIdentifier", 1, 2), ("AcquisitionNumber", 9, 10), ("TriggerTime", 0.5, 300),
    ("AcquisitionTime", "101112", "101130"), ("ContentTime", "101112.5", "101130"),
    ("ConvolutionKernel", "B30", "B60"),
]  # fmt: skip


@pytest.mark.parametrize(("keyword", "first", "second"), TELLING)
def test_several_times_in_one_series_are_told_apart_and_each_can_be_chosen(tmp_path, scan, keyword, first, second):
    write_series(tmp_path / "b", later(scan), change=setting(**{keyword: second}))
    write_series(tmp_path / "a", scan, change=setting(**{keyword: first}))
    found = find_series(tmp_path)
    assert [(one.images, one.problem) for one in found] == [(6, None)] * 2
    assert found[0].part == f"part 1 of 2 by {keyword}" and found[0].uid == found[1].uid
    assert np.array_equal(read_series(tmp_path).volume.array, scan.array)
    assert np.array_equal(read_series(tmp_path, "2").volume.array, scan.array + 100)
    (note,) = read_volume(tmp_path).notes
    assert f"part 1 of 2 by {keyword} (6 images) was taken" in note and "left out: part 2 of 2" in note


def test_a_slice_of_a_part_stands_for_that_part(tmp_path, scan):
    write_series(tmp_path, scan, "one", setting(AcquisitionNumber=1, SeriesInstanceUID="1.2.3"))
    paths = write_series(tmp_path, later(scan), "two", setting(AcquisitionNumber=2, SeriesInstanceUID="1.2.3"))
    assert np.array_equal(read_volume(paths[3]).array, scan.array + 100)


def test_several_acquisitions_that_do_not_overlap_are_one_volume(tmp_path, scan):
    write_series(tmp_path, scan, change=lambda image, k: setattr(image, "AcquisitionNumber", 1 + k // 3))
    assert read_volume(tmp_path).shape_ijk[2] == 6 and read_volume(tmp_path).notes == ()


def test_frames_of_several_times_are_told_apart(tmp_path, scan):
    image = enhanced_ct(scan, [0, 1, 2, 3, 0, 1, 2, 3])
    for index, group in enumerate(image.PerFrameFunctionalGroupsSequence):
        group.FrameContentSequence[0].TemporalPositionIndex = 1 + index // 4
    image.save_as(tmp_path / "e.dcm", enforce_file_format=True)
    assert read_series(tmp_path).frames == (1, 2, 3, 4)
    assert read_series(tmp_path, "2").frames == (5, 6, 7, 8)


def test_copies_are_left_out_and_told(tmp_path, scan):
    write_series(tmp_path / "series", scan)
    shutil.copytree(tmp_path / "series", tmp_path / "series again")
    volume = read_volume(tmp_path)
    assert np.array_equal(volume.array, scan.array)
    assert volume.notes == ("6 images are copies and were left out.",)


def test_a_copy_with_an_id_of_its_own_is_one_too(tmp_path, scan):
    paths = write_series(tmp_path, scan)
    image = ct_images(scan)[2]
    setting()(image, "copy")
    image.save_as(tmp_path / "copy.dcm", enforce_file_format=True)
    assert read_volume(tmp_path).notes == ("1 image is a copy of another one and was left out.",)
    assert len(read_series(tmp_path).files) == len(paths)


def test_other_pixels_at_the_same_place_are_refused_when_nothing_tells_them_apart(tmp_path, scan):
    write_series(tmp_path / "a", scan)
    write_series(tmp_path / "b", later(scan), change=setting(SOPInstanceUID="1.2.3"))
    with pytest.raises(InputError, match="6 slices lie at the same position .* nothing in the headers tells"):
        read_volume(tmp_path)


def test_other_orientations_and_sizes_in_a_series_are_left_out_and_told(tmp_path, scan):
    write_series(tmp_path, scan, "axial", setting(SeriesInstanceUID="1.2.3"))
    sagittal = Volume.from_array(
        scan.array[:3, :4], np.array([[0, 0, 3.0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]]), axes="kji"
    )
    write_series(tmp_path, sagittal, "sagittal", setting(SeriesInstanceUID="1.2.3", AccessionNumber="2"))
    volume = read_volume(tmp_path)
    assert np.array_equal(volume.array, scan.array)
    (note,) = volume.notes
    assert "axial 9 x 8 of 0.9 mm (6 images) was taken, and left out: sagittal 9 x 4 of 1 mm (3 images)" in note
    assert read_series(tmp_path, "2").volume.shape_ijk == (9, 4, 3)


def test_images_without_a_place_of_another_size_do_not_disturb(tmp_path, scan):
    write_series(tmp_path, scan, "scan", setting(SeriesInstanceUID="1.2.3"))
    page = ct_images(
        Volume.from_array(scan.array[:1, :5], scan.ijk_to_ras, axes="kji"), "page", setting(SeriesInstanceUID="1.2.3")
    )[0]
    del page.ImagePositionPatient, page.ImageOrientationPatient
    page.save_as(tmp_path / "dose.dcm", enforce_file_format=True)
    assert np.array_equal(read_volume(tmp_path).array, scan.array)


def test_a_series_is_chosen_by_number_by_uid_and_by_its_beginning(tmp_path, scan):
    write_series(tmp_path / "a", scan, "a", setting(SeriesInstanceUID="1.2.3.4"))
    write_series(tmp_path / "b", later(scan), "b", setting(SeriesInstanceUID="1.2.9.4"))
    for wanted in ("2", "1.2.9.4", "1.2.9"):
        assert np.array_equal(read_series(tmp_path, wanted).volume.array, scan.array + 100)
        assert np.array_equal(read_volume(tmp_path, wanted).array, scan.array + 100)
    with pytest.raises(InputError, match=r"'1.2' stands for several series.* 1: 1.2.3.4; 2: 1.2.9.4"):
        read_series(tmp_path, "1.2")
    with pytest.raises(InputError, match="'7' matches no series here"):
        read_series(tmp_path, "7")


def test_of_a_list_of_files_only_these_are_read(tmp_path, scan):
    paths = write_series(tmp_path, scan)
    assert np.array_equal(read_series(paths[1:4]).volume.array, scan.array[1:4])


def test_a_segmentation_beside_the_scan_is_not_taken_for_it(tmp_path, scan):
    write_series(tmp_path, Volume.from_array(scan.array[:4], scan.ijk_to_ras, axes="kji"), "scan")
    write_series(tmp_path, scan, "seg", setting(Modality="SEG"))
    assert read_volume(tmp_path).shape_ijk[2] == 4
    with pytest.raises(InputError, match="modality SEG, which is derived from a scan"):
        read_volume(tmp_path, "2")


def scout(image, _):
    image.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]


def rendering(image, _):
    image.SamplesPerPixel, image.PhotometricInterpretation, image.PlanarConfiguration = 3, "RGB", 0
    image.BitsAllocated = image.BitsStored = 8
    image.HighBit, image.PixelData = 7, bytes(8 * 9 * 3)


def page(image, _):
    del image.ImagePositionPatient, image.ImageOrientationPatient, image.PixelSpacing


@pytest.mark.parametrize("no_scan", [scout, rendering, page])
def test_what_is_no_scan_is_not_taken_for_the_largest_ct(tmp_path, scan, no_scan):
    write_series(tmp_path, scan, "other", no_scan)
    write_series(
        tmp_path, Volume.from_array(scan.array[:4], scan.ijk_to_ras, axes="kji"), "pet", setting(Modality="PT")
    )
    assert read_volume(tmp_path).modality == "PT"
    write_series(tmp_path, Volume.from_array(scan.array[:3], scan.ijk_to_ras, axes="kji"), "scan")
    assert np.array_equal(read_volume(tmp_path).array, scan.array[:3])


def test_several_frames_of_reference_are_taken_for_one_and_told(tmp_path, scan):
    write_series(tmp_path, scan, change=lambda image, k: setattr(image, "FrameOfReferenceUID", uid_of("frame", k)))
    series = read_series(tmp_path)
    assert "6 different frames of reference" in series.volume.notes[0]
    assert {header.FrameOfReferenceUID for header in series.datasets} == {uid_of("frame", 0)}
    assert any("frames of reference" in sentence for sentence in series.mended)


def test_two_frames_of_reference_may_be_two_scans_mixed(tmp_path, scan):
    write_series(tmp_path, scan, change=lambda image, k: setattr(image, "FrameOfReferenceUID", uid_of("frame", k % 2)))
    assert any("2 scans mixed" in note for note in read_series(tmp_path).volume.notes)


def test_a_series_of_two_patients_is_refused_without_their_identifiers(tmp_path, scan):
    write_series(tmp_path, scan, change=lambda image, k: setattr(image, "PatientID", f"SECRET{k % 2}"))
    with pytest.raises(InputError, match="2 different patients") as refusal:
        read_series(tmp_path)
    assert "SECRET" not in str(refusal.value)


PEOPLE = {
    "PatientName": ("Secret^Sibylla", "Secret^Ferdinand"),
    "PatientBirthDate": ("19330907", "19700101"),
    "PatientSex": ("F", "M"),
}


@pytest.mark.parametrize("identifier", ["SAME", "", None])
@pytest.mark.parametrize("keyword", PEOPLE)
def test_two_patients_are_refused_by_name_birth_date_or_sex_whatever_the_id(tmp_path, scan, keyword, identifier):
    def change(image, k):
        image.PatientID = identifier
        if identifier is None:
            del image.PatientID
        setattr(image, keyword, PEOPLE[keyword][k // 3])

    write_series(tmp_path, scan, change=change)
    with pytest.raises(InputError, match=rf"2 different patients \({keyword}\)") as refusal:
        read_volume(tmp_path)
    assert "Secret" not in str(refusal.value)


def test_one_patient_in_several_spellings_is_one(tmp_path, scan):
    names = ["Doe^John", "DOE^JOHN^^", "doe john", "Doe^John=Yamada^Tarou", " Doe ^John", "Doe, John"]

    def change(image, k):
        image.PatientName = names[k]
        write_as_it_is(image, "PatientBirthDate", (b"19330907", b"1933.09.07")[k % 2], "DA")

    write_series(tmp_path, scan, change=change)
    assert read_volume(tmp_path).notes == ()


@pytest.mark.parametrize("keyword", ["PatientID", *PEOPLE])
def test_a_patient_that_only_some_images_name_is_read_with_a_note(tmp_path, scan, keyword):
    write_series(tmp_path, scan, change=lambda image, k: setattr(image, keyword, "") if k < 2 else None)
    (note,) = read_volume(tmp_path).notes
    assert f"blank: {keyword} in 2 of 6" in note


@pytest.mark.parametrize("odd", [0, 6])
@pytest.mark.parametrize("by_class", [False, True])
def test_a_slice_of_another_modality_is_left_out_of_a_ct_with_a_note(tmp_path, scan, odd, by_class):
    def change(image, k):
        if k == odd and by_class:
            image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = MRImageStorage
        elif k == odd:
            image.Modality = "MR"

    longer = Volume.from_array(np.concatenate([scan.array, scan.array[:1]]), scan.ijk_to_ras, axes="kji")
    write_series(tmp_path, longer, change=change)
    volume = read_volume(tmp_path)
    kept = [k for k in range(7) if k != odd]
    assert volume.modality == "CT" and np.array_equal(volume.array, longer.array[kept])
    (note,) = volume.notes
    assert "CT axial 9 x 8 of 0.9 mm (6 images) was taken, and left out: MR axial 9 x 8 of 0.9 mm (1 image)" in note


@pytest.mark.parametrize("strays", [1, 2])
def test_a_few_slices_that_call_themselves_ct_do_not_make_an_mr_a_ct(tmp_path, scan, strays):
    write_series(tmp_path, scan, change=lambda image, k: setattr(image, "Modality", "CT" if k < strays else "MR"))
    volume = read_volume(tmp_path)
    assert volume.modality == "MR" and np.array_equal(volume.array, scan.array[strays:])
    assert f"left out: CT axial 9 x 8 of 0.9 mm ({strays} image" in volume.notes[0]


def test_a_series_that_is_mr_by_its_class_is_no_ct_whatever_it_calls_itself(tmp_path, scan):
    def change(image, _):
        image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = MRImageStorage

    write_series(tmp_path, scan, change=change)
    volume = read_volume(tmp_path)
    assert volume.modality == "MR" and find_series(tmp_path)[0].modality == "MR"
    (note,) = volume.notes
    assert "6 of 6 images state 'CT' Modality (0008,0060), and are MR images by their SOP class" in note


def test_a_ct_by_its_class_that_calls_itself_other_is_a_ct_with_a_note_and_its_padding_is_air(tmp_path, scan):
    marked = scan.array.copy()
    marked[:, 0, :] = 3000
    write_series(
        tmp_path,
        Volume.from_array(marked, scan.ijk_to_ras, axes="kji"),
        change=setting(Modality="OT", PixelPaddingValue=4024),
    )
    volume = read_volume(tmp_path)
    assert volume.modality == "CT" and find_series(tmp_path)[0].modality == "CT"
    assert (volume.array[:, 0, :] == -1000).all()
    assert "6 of 6 images state 'OT' Modality (0008,0060), and are CT images by their SOP class" in volume.notes[0]


@pytest.mark.parametrize("modality", ["MR", "PT"])
def test_a_ct_by_its_class_that_calls_itself_another_scan_is_refused_as_a_ct_with_both(tmp_path, scan, modality):
    write_series(tmp_path, scan, change=setting(Modality=modality))
    volume = read_volume(tmp_path)
    assert volume.modality == modality
    words = f"modality {modality}.*'{modality}' Modality .*are CT images by their SOP class. They were taken for"
    with pytest.raises(InputError, match=words):
        check_ct(volume)


def test_a_series_of_two_studies_is_read_with_a_warning_and_not_exported(tmp_path, scan):
    write_series(tmp_path / "ct", scan, change=lambda image, k: setattr(image, "StudyInstanceUID", uid_of(k % 2)))
    series = read_series(tmp_path / "ct")
    assert any("2 different studies" in note for note in series.volume.notes)
    mask = np.ones(scan.array.shape, dtype=bool)
    with pytest.raises(InputError, match="2 different studies .StudyInstanceUID"):
        write_seg(on(series, segment_of("liver", mask)), series, tmp_path / "seg.dcm")


@pytest.mark.parametrize("aside", [0, 3, 5])
def test_a_frame_that_lies_aside_is_refused_by_its_number(tmp_path, scan, aside):
    image = enhanced_ct(scan)
    place = image.PerFrameFunctionalGroupsSequence[aside].PlanePositionSequence[0]
    x, y, z = position_lps(scan, aside)
    place.ImagePositionPatient = [x + 20, y, z]
    image.save_as(tmp_path / "enhanced.dcm", enforce_file_format=True)
    with pytest.raises(InputError, match=f"20.0 mm sideways of the others: frame {aside + 1}\\."):
        read_volume(tmp_path)


def test_a_tilted_gantry_is_refused_with_its_angle(tmp_path, scan):
    def tilt(image, k):
        x, y, z = position_lps(scan, k)
        image.ImagePositionPatient = [x, y + 2.0 * k * np.tan(np.radians(15)), z]

    write_series(tmp_path, scan, change=tilt)
    with pytest.raises(InputError, match=r"gantry tilt of 15\.0 degrees.*3D Slicer"):
        read_volume(tmp_path)
    assert "gantry tilt" in (find_series(tmp_path)[0].problem or "")


def test_a_missing_slice_is_refused_with_its_place(tmp_path, scan):
    paths = write_series(tmp_path, scan)
    paths[2].unlink()
    with pytest.raises(InputError, match=rf"missing: 4.00 mm between {paths[1].name} and {paths[3].name}"):
        read_volume(tmp_path)


def test_rescaling_that_only_some_images_tell_is_refused(tmp_path, scan):
    def forget(image, k):
        if k == 4:
            del image.RescaleSlope, image.RescaleIntercept

    write_series(tmp_path, scan, change=forget)
    with pytest.raises(InputError, match="says nothing about how its values are rescaled"):
        read_volume(tmp_path)


def test_a_pet_series_keeps_its_modality_and_the_slope_of_each_slice(tmp_path, scan):
    slopes = [0.5 + k / 4 for k in range(6)]

    def pet(image, k):
        image.Modality, image.RescaleSlope, image.RescaleIntercept = "PT", slopes[k], 0

    write_series(tmp_path, scan, change=pet)
    volume = read_volume(tmp_path)
    stored = scan.array.astype(float) + 1024
    assert volume.modality == "PT" and volume.array.dtype == np.float32
    assert np.allclose(volume.array, stored * np.array(slopes)[:, None, None])
