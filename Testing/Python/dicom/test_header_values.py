"""Values of headers that are absent, readable or unreadable: never one taken for another, slice by slice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dicom_series import enhanced_ct, write_as_it_is, write_series
from pydicom import Dataset, dcmread
from pydicom.sequence import Sequence
from pydicom.uid import ImplicitVRLittleEndian, SecondaryCaptureImageStorage

from vistaseg.dicom import find_series, read_series
from vistaseg.errors import InputError
from vistaseg.volume import Volume, check_ct, read_volume
from vistaseg.volume.dicom.values import read_numbers, set_aside_unreadable

ODD = 3


def in_one_slice(change):
    """Alter slice `ODD` of a series."""
    return lambda image, k: change(image) if k == ODD else None


def value(keyword, text, vr="DS"):
    return in_one_slice(lambda image: write_as_it_is(image, keyword, text, vr))


def without(*keywords):
    def change(image):
        for keyword in keywords:
            delattr(image, keyword)

    return in_one_slice(change)


UNREADABLE = {
    "decimal comma": b"0,5 ",
    "letters": b"abc ",
    "nan": b"nan ",
    "infinite": b"inf ",
    "beyond all numbers": b"1e999 ",
    "two values": b"1\\2 ",
}


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE.keys())
@pytest.mark.parametrize("keyword", ["RescaleSlope", "RescaleIntercept"])
def test_a_rescale_that_cannot_be_read_in_one_slice_is_refused_by_file_attribute_and_value(
    tmp_path, scan, keyword, text
):
    path = write_series(tmp_path, scan, change=value(keyword, text))[ODD]
    with pytest.raises(
        InputError, match=rf"{path.name} has no usable {keyword} \(0028,105[23]\), which is "
    ) as refusal:
        read_volume(tmp_path)
    assert ascii(text.decode().strip()) in str(refusal.value)
    assert keyword in (find_series(tmp_path)[0].problem or "")


@pytest.mark.parametrize("keyword", ["RescaleSlope", "RescaleIntercept"])
@pytest.mark.parametrize("emptied", [False, True])
def test_half_a_rescale_is_refused_by_file_and_attribute(tmp_path, scan, keyword, emptied):
    change = value(keyword, b"") if emptied else without(keyword)
    path = write_series(tmp_path, scan, change=change)[ODD]
    with pytest.raises(InputError, match=rf"{path.name} has a Rescale\w+ .* and no {keyword} \(0028"):
        read_volume(tmp_path)


def test_half_a_rescale_in_all_slices_is_refused(tmp_path, scan):
    write_series(tmp_path, scan, change=lambda image, _: delattr(image, "RescaleIntercept"))
    with pytest.raises(InputError, match="no RescaleIntercept"):
        read_volume(tmp_path)


def test_a_slope_of_zero_is_refused(tmp_path, scan):
    write_series(tmp_path, scan, change=value("RescaleSlope", b"0 "))
    with pytest.raises(InputError, match="no usable RescaleSlope"):
        read_volume(tmp_path)


def test_another_rescale_in_one_slice_is_applied_and_told(tmp_path, scan):
    path = write_series(tmp_path, scan, change=value("RescaleIntercept", b"-1000 "))[ODD]
    volume = read_volume(tmp_path)
    expected = scan.array.copy()
    expected[ODD] += 24
    assert np.array_equal(volume.array, expected)
    (note,) = volume.notes
    assert f"1 of 6 slices are rescaled otherwise than the rest: {path.name} with slope 1, intercept -1000" in note


def test_a_ct_without_any_rescale_is_read_with_a_note(tmp_path, scan):
    def plain(image, _):
        del image.RescaleSlope, image.RescaleIntercept

    write_series(tmp_path, scan, change=plain)
    (note,) = read_volume(tmp_path).notes
    assert "no RescaleSlope (0028,1053) and no RescaleIntercept (0028,1052)" in note


def test_slopes_of_a_pet_series_are_no_reason_for_a_warning(tmp_path, scan):
    def pet(image, k):
        image.Modality, image.RescaleSlope, image.RescaleIntercept = "PT", 1 + k, 0

    write_series(tmp_path, scan, change=pet)
    assert not [note for note in read_volume(tmp_path).notes if "rescaled" in note]


def test_a_rescale_of_one_frame_that_cannot_be_read_is_not_taken_from_all_frames(tmp_path, scan):
    image = enhanced_ct(scan)
    own = Dataset()
    own.RescaleSlope = 1
    write_as_it_is(own, "RescaleIntercept", b"-1024,0 ")
    image.PerFrameFunctionalGroupsSequence[ODD].PixelValueTransformationSequence = Sequence([own])
    image.save_as(tmp_path / "e.dcm", enforce_file_format=True)
    with pytest.raises(InputError, match=f"Frame {ODD + 1} of e.dcm has no usable RescaleIntercept .*'-1024,0'"):
        read_volume(tmp_path)


def test_half_a_rescale_of_one_frame_is_refused_by_frame_and_attribute(tmp_path, scan):
    image = enhanced_ct(scan)
    del image.SharedFunctionalGroupsSequence[0].PixelValueTransformationSequence
    for k, frame in enumerate(image.PerFrameFunctionalGroupsSequence):
        own = Dataset()
        own.RescaleSlope = 1
        if k != ODD:
            own.RescaleIntercept = -1024
        frame.PixelValueTransformationSequence = Sequence([own])
    image.save_as(tmp_path / "e.dcm", enforce_file_format=True)
    with pytest.raises(InputError, match=f"Frame {ODD + 1} of e.dcm has a RescaleSlope .* and no RescaleIntercept"):
        read_volume(tmp_path)


@pytest.mark.parametrize(
    ("keyword", "text"),
    [
        ("ImagePositionPatient", b"1,5\\2\\3"),
        ("ImagePositionPatient", b"1\\2\\nan "),
        ("ImagePositionPatient", b"1\\2 "),
        ("ImageOrientationPatient", b"1\\0\\0\\0\\1\\x "),
        ("ImageOrientationPatient", b"1\\0\\0\\1\\0\\0 "),
        ("PixelSpacing", b"0,7\\0,9 "),
        ("PixelSpacing", b"0\\0.9 "),
    ],
)
def test_a_place_that_cannot_be_read_in_one_slice_is_refused_by_file_and_attribute(tmp_path, scan, keyword, text):
    path = write_series(tmp_path, scan, change=value(keyword, text))[ODD]
    with pytest.raises(InputError, match=rf"{path.name} has no usable {keyword} \(00[0-9a-fA-F]+,\d+\), which is '"):
        read_volume(tmp_path)


def test_a_thickness_with_a_decimal_comma_is_not_needed_to_read(tmp_path, scan):
    write_series(tmp_path, scan, change=lambda image, _: write_as_it_is(image, "SliceThickness", b"6,0 "))
    assert np.array_equal(read_volume(tmp_path).array, scan.array)


def stored_as(array, padding, limit=None, vr="US"):
    """Unsigned voxels with an intercept of -1024 whose first two rows are padding."""

    def change(image, _):
        pixels = np.frombuffer(image.PixelData, "<u2").reshape(array.shape[1:]).copy()
        pixels[:2] = padding if limit is None else np.linspace(padding, limit, pixels[:2].size).reshape(2, -1)
        image.PixelData = pixels.astype("<u2").tobytes()
        write_as_it_is(image, "PixelPaddingValue", int(padding).to_bytes(2, "little"), vr)
        if limit is not None:
            write_as_it_is(image, "PixelPaddingRangeLimit", int(limit).to_bytes(2, "little"), vr)

    return change


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize(
    ("padding", "limit"), [(63536, None), (65535, None), (63000, 65535), (65535, 63000), (40000, None)]
)
@pytest.mark.parametrize("vr", ["US", "SS"])
def test_padding_of_unsigned_voxels_is_air(tmp_path, scan, padding, limit, vr, implicit):
    for path in write_series(tmp_path, scan, change=stored_as(scan.array, padding, limit, vr)):
        if implicit:
            image = dcmread(path)
            image.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
            image.save_as(path, implicit_vr=True, little_endian=True)
    volume = read_volume(tmp_path)
    expected = scan.array.copy()
    expected[:, :2] = -1000
    assert np.array_equal(volume.array, expected) and volume.array.dtype == np.int16
    assert any("108 voxels hold the mark" in note and "taken for air (-1000 HU)" in note for note in volume.notes)


def test_padding_that_is_air_already_stays(tmp_path, scan):
    write_series(tmp_path, scan, change=stored_as(scan.array, 0))
    volume = read_volume(tmp_path)
    assert (volume.array[:, :2] == -1024).all() and volume.notes == ()


def test_a_mark_with_the_value_of_a_tissue_inside_the_image_is_left_and_told(tmp_path, scan):
    values = np.full_like(scan.array, -1000)
    values[:, 3:5, 3:6] = 40
    write_series(
        tmp_path,
        Volume.from_array(values, scan.ijk_to_ras, axes="kji"),
        change=lambda image, _: setattr(image, "PixelPaddingValue", 1064),
    )
    volume = read_volume(tmp_path)
    assert np.array_equal(volume.array, values)
    assert any("36 voxels inside the image hold the mark 1064" in note for note in volume.notes)


@pytest.mark.parametrize("value", [0, 3071, 30000])
def test_of_the_voxels_with_the_padding_value_only_those_connected_to_the_border_become_air(tmp_path, scan, value):
    values = np.full_like(scan.array, 40)
    values[:, 0, :4] = values[:, 1, 4] = values[:, 2, 5] = value  # connected at corners
    values[:, 4:6, 3:6] = value
    values[-1, 4, 2::-1] = value  # the last slice alone joins it to the border
    write_series(
        tmp_path,
        Volume.from_array(values, scan.ijk_to_ras, axes="kji"),
        change=lambda image, _: setattr(image, "PixelPaddingValue", value + 1024),
    )
    expected = values.copy()
    expected[:, 0, :4] = expected[:, 1, 4] = expected[:, 2, 5] = -1000
    expected[-1][values[-1] == value] = -1000
    volume = read_volume(tmp_path)
    assert np.array_equal(volume.array, expected)
    assert f"45 voxels hold the mark {value + 1024} " in volume.notes[0]
    assert f"30 voxels inside the image hold the mark {value + 1024} " in volume.notes[1]


@pytest.mark.parametrize("rescaled", [False, True])
def test_a_table_of_values_is_refused_by_name_and_not_ignored(tmp_path, scan, rescaled):
    def change(image, _):
        table = Dataset()
        table.LUTDescriptor, table.ModalityLUTType = [4096, 0, 16], "HU"
        table.add_new("LUTData", "OW", np.arange(4096).astype("<u2").tobytes())
        image.ModalityLUTSequence = Sequence([table])
        if not rescaled:
            del image.RescaleSlope, image.RescaleIntercept

    write_series(tmp_path, scan, change=change)
    with pytest.raises(InputError, match=r"defined by a table \(ModalityLUTSequence \(0028,3000\)\)"):
        read_volume(tmp_path)


def test_bits_that_are_stored_elsewhere_than_at_the_bottom_are_refused_with_their_values(tmp_path, scan):
    def change(image):
        image.BitsStored, image.HighBit = 12, 15

    path = write_series(tmp_path, scan, change=in_one_slice(change))[ODD]
    with pytest.raises(InputError, match=rf"{path.name} has 12 bits .*BitsStored \(0028,0101\).* bit is 15 \(HighBit"):
        read_volume(tmp_path)


@pytest.mark.parametrize("unit", ["OD", "US", "Z_EFF"])
def test_a_ct_in_other_units_is_told_by_attribute_and_value(tmp_path, scan, unit):
    write_series(tmp_path, scan, change=in_one_slice(lambda image: setattr(image, "RescaleType", unit)))
    (note,) = read_volume(tmp_path).notes
    assert f"1 of 6 slices of this CT do not claim to be in HU: RescaleType (0028,1054) is '{unit}'" in note


def test_the_unit_of_a_frame_counts(tmp_path, scan):
    image = enhanced_ct(scan)
    group = image.SharedFunctionalGroupsSequence[0].PixelValueTransformationSequence[0]
    group.RescaleType = "MGML"
    image.save_as(tmp_path / "e.dcm", enforce_file_format=True)
    assert any("6 of 6 slices" in note and "'MGML'" in note for note in read_volume(tmp_path).notes)


@pytest.mark.parametrize("unit", ["", "hu", None])
def test_a_ct_without_a_unit_or_in_hu_is_no_reason_for_a_warning(tmp_path, scan, unit):
    def change(image, _):
        image.RescaleType = unit
        if unit is None:
            del image.RescaleType

    write_series(tmp_path, scan, change=change)
    assert read_volume(tmp_path).notes == ()


def test_padding_that_cannot_be_read_is_told(tmp_path, scan):
    write_series(tmp_path, scan, change=value("PixelPaddingValue", b"\1\2\3\4", "US"))
    assert any("no usable PixelPaddingValue" in note for note in read_volume(tmp_path).notes)


@pytest.mark.parametrize("stored", [64512, 65535])
def test_values_that_no_scanner_gives_are_told(tmp_path, scan, stored):
    """What -2048 HU becomes by wrapping, without a padding value that would explain it."""

    def wrapped(image, _):
        pixels = np.frombuffer(image.PixelData, "<u2").copy()
        pixels[:9] = stored
        image.PixelData = pixels.tobytes()

    write_series(tmp_path, scan, change=wrapped)
    volume = read_volume(tmp_path)
    assert any(f"54 voxels are above 30,710 HU (up to {stored - 1024:,})" in doubt for doubt in check_ct(volume))


def test_a_screenshot_within_the_series_is_left_out_with_a_note(tmp_path, scan):
    def capture(image, k):
        if k == 6:
            image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
            del image.ImagePositionPatient, image.ImageOrientationPatient
            del image.RescaleSlope, image.RescaleIntercept

    longer = Volume.from_array(np.concatenate([scan.array, scan.array[:1]]), scan.ijk_to_ras, axes="kji")
    write_series(tmp_path, longer, change=capture)
    volume = read_volume(tmp_path)
    assert np.array_equal(volume.array, scan.array)
    assert any("left out: without a position" in note for note in volume.notes)


def test_a_saved_screen_of_the_class_of_the_scan_is_left_out_with_a_note(tmp_path, scan):
    def capture(image, k):
        if k == 6:
            image.ImageType = ["DERIVED", "SECONDARY", "SCREEN SAVE"]
            del image.ImagePositionPatient, image.ImageOrientationPatient

    longer = Volume.from_array(np.concatenate([scan.array, scan.array[:1]]), scan.ijk_to_ras, axes="kji")
    write_series(tmp_path, longer, change=capture)
    volume = read_volume(tmp_path)
    assert np.array_equal(volume.array, scan.array) and len(volume.notes) == 1


def test_a_palette_is_refused(tmp_path, scan):
    write_series(tmp_path, scan, change=lambda image, _: setattr(image, "PhotometricInterpretation", "PALETTE COLOR"))
    with pytest.raises(InputError, match="colours of a palette"):
        read_volume(tmp_path)


def test_one_palette_image_among_the_slices_does_not_become_a_slice(tmp_path, scan):
    def palette(image):
        image.PhotometricInterpretation = "PALETTE COLOR"

    write_series(tmp_path, scan, change=in_one_slice(palette))
    with pytest.raises(InputError, match="Slices are missing"):
        read_volume(tmp_path)


def test_the_three_states_are_kept_apart():
    header = Dataset()
    header.RescaleSlope = ""
    write_as_it_is(header, "RescaleIntercept", b"-1,5")
    header.PixelSpacing = [0.5, 0.7]
    write_as_it_is(header, "Rows", b"\1\2\3", "US")
    set_aside_unreadable(header)
    states = {key: read_numbers(header, key, 2 if key == "PixelSpacing" else 1)
              for key in ("RescaleSlope", "RescaleIntercept", "PixelSpacing", "Rows", "Columns")}  # fmt: skip
    assert [key for key, told in states.items() if told.is_absent] == ["RescaleSlope", "Columns"]
    assert [key for key, told in states.items() if told.is_unreadable] == ["RescaleIntercept", "Rows"]
    assert states["PixelSpacing"].numbers.tolist() == [0.5, 0.7]


def test_the_thickness_of_a_series_that_cannot_be_read_does_not_stop_it(tmp_path, scan):
    write_series(tmp_path, scan, change=value("SliceThickness", b"6,0 "))
    series = read_series(tmp_path)
    assert np.array_equal(series.volume.array, replace(scan).array)


def test_the_series_of_the_tests_hold_what_their_pixels_can_and_no_other_values(tmp_path, scan):
    """Unsigned pixels end at -1024 HU; what lies below must not come back as 62,512 HU."""
    values = np.where(scan.array < -500, -2048, scan.array).astype(np.int16)
    low = Volume.from_array(values, scan.ijk_to_ras, axes="kji")
    write_series(tmp_path, low)
    assert np.array_equal(read_volume(tmp_path).array, np.maximum(low.array, -1024))
