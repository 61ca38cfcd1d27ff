"""Headers that say two things of their slices: which is taken, and the sentence about it."""

from __future__ import annotations

import numpy as np
import pytest
from dicom_series import enhanced_ct, write_series

from vistaseg.volume import Volume, read_volume


@pytest.fixture
def straight_scan(scan):
    return Volume.from_array(scan.array, np.diag([-0.9, -0.8, 2.0, 1.0]), axes="kji", modality="CT")


def setting(only=None, **attributes):
    def change(image, k):
        if only is None or k == only:
            for keyword, value in attributes.items():
                setattr(image, keyword, value)

    return change


def read_with(folder, scan, change):
    write_series(folder, scan, change=change)
    return read_volume(folder)


def test_a_distance_that_contradicts_the_positions_is_told_and_the_positions_count(tmp_path, scan):
    distance = scan.spacing[2]
    volume = read_with(tmp_path, scan, setting(SpacingBetweenSlices=2 * distance))
    assert volume.spacing == pytest.approx(scan.spacing)
    assert f"lie {distance:.4g} mm apart by their positions, but {2 * distance:.4g} mm by" in volume.notes[0]


def test_every_second_slice_left_out_is_told_by_the_thickness(tmp_path, scan):
    paths = write_series(tmp_path, scan)
    for path in paths[1::2]:
        path.unlink()
    (note,) = read_volume(tmp_path).notes
    assert f"{scan.spacing[2]:.4g} mm thick" in note and f"{2 * scan.spacing[2]:.4g} mm apart" in note


@pytest.mark.parametrize("share", [0.95, 1.0, 2.0])
def test_slices_that_touch_or_overlap_are_no_reason_for_a_note(tmp_path, scan, share):
    distance = scan.spacing[2]
    change = setting(SliceThickness=round(share * distance, 6), SpacingBetweenSlices=round(distance + 0.01, 6))
    assert read_with(tmp_path, scan, change).notes == ()


@pytest.mark.parametrize(("tilt", "told"), [(0, False), (1, False), (15, True), (-20, True)])
def test_a_tilt_that_the_places_do_not_show_is_told(tmp_path, straight_scan, tilt, told):
    notes = read_with(tmp_path, straight_scan, setting(GantryDetectorTilt=tilt)).notes
    assert [f"gantry tilt of {tilt:g} degrees" in note for note in notes] == [True] * told


def test_a_slice_that_is_stored_otherwise_is_told_by_its_file(tmp_path, scan):
    path = write_series(tmp_path, scan, change=setting(only=2, BitsStored=12, HighBit=11))[2]
    (note,) = read_volume(tmp_path).notes
    assert f"1 of 6 slices store their values otherwise than the rest: {path.name} 12 bits without a sign" in note
    assert "most 16 bits without a sign" in note


def test_a_negative_slope_is_applied_and_told(tmp_path, scan):
    volume = read_with(tmp_path, scan, setting(RescaleSlope=-1, RescaleIntercept=1024))
    assert np.array_equal(volume.array, -scan.array)
    assert "slope of the values is negative (RescaleSlope (0028,1053))" in volume.notes[0]


@pytest.mark.parametrize("kind", ["MIP", "MINIP", "SUBTRACTION"])
def test_projections_and_differences_are_told_by_their_image_type(tmp_path, scan, kind):
    (note,) = read_with(tmp_path, scan, setting(ImageType=["DERIVED", "SECONDARY", kind])).notes
    assert f"ImageType (0008,0008) does not describe plain slices ({kind})" in note


def test_the_rescale_of_the_frames_counts_and_another_of_the_image_is_told(tmp_path, scan):
    image = enhanced_ct(scan)
    image.RescaleSlope, image.RescaleIntercept = 1, -1000
    image.save_as(tmp_path / "enhanced.dcm", enforce_file_format=True)
    volume = read_volume(tmp_path)
    assert np.array_equal(volume.array, scan.array)
    assert "states another RescaleIntercept (0028,1052) than its frames" in volume.notes[0]
