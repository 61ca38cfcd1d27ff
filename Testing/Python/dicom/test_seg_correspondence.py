"""A segmentation whose frames lie elsewhere than the images that they name is refused; another grid is no mistake."""

from __future__ import annotations

import re

import numpy as np
import pydicom
import pytest
from dcmqi_programs import write_with_dcmqi
from dicom_segmentations import AXIAL, box, on, rotation, same_masks, segment_of, series_of_kind, series_on, volume_on

from vistaseg.dicom import import_seg, read_seg, write_seg
from vistaseg.errors import InputError

_LPS = np.diag([-1.0, -1.0, 1.0])


@pytest.fixture
def series():
    return series_of_kind("axial")


@pytest.fixture
def seg(series, tmp_path):
    """Four frames."""
    write_seg(meant_on(series), series, tmp_path / "seg.dcm")
    return tmp_path / "seg.dcm"


def meant_on(series):
    return on(series, segment_of("liver", box((1, 5), (2, 6), (3, 7))))


def spoiled(path, change):
    data = pydicom.dcmread(path)
    change(data)
    data.save_as(path)
    return path


def positions(data):
    return [group.PlanePositionSequence[0] for group in data.PerFrameFunctionalGroupsSequence]


def shift(*millimetres):
    def change(data):
        for item in positions(data):
            item.ImagePositionPatient = [a + b for a, b in zip(item.ImagePositionPatient, millimetres, strict=True)]

    return change


def stretch(in_plane, along):
    def change(data):
        measures = data.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
        measures.PixelSpacing = [in_plane * value for value in measures.PixelSpacing]
        measures.SpacingBetweenSlices = measures.SliceThickness = along * measures.SpacingBetweenSlices
        for frame, item in enumerate(positions(data)):
            x, y, z = item.ImagePositionPatient
            item.ImagePositionPatient = [x, y, z + 2.5 * (along - 1) * frame]

    return change


def turn(axis, degrees):
    """All frames about the origin of the patient, as one."""
    matrix = rotation(axis, degrees)[:3, :3]

    def change(data):
        orientation = data.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0]
        vectors = np.reshape(orientation.ImageOrientationPatient, (2, 3)).astype(float) @ matrix.T
        orientation.ImageOrientationPatient = [round(float(value), 9) for value in vectors.ravel()]
        for item in positions(data):
            moved = matrix @ np.array(item.ImagePositionPatient, dtype=float)
            item.ImagePositionPatient = [round(float(value), 6) for value in moved]

    return change


def turn_in_place(data):
    orientation = data.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0]
    orientation.ImageOrientationPatient = [0, 1, 0, -1, 0, 0]


CONTRADICTIONS = {
    "a slice further": (shift(0, 0, 2.5), "frame 1 lies 2.5 mm away from"),
    "less than a slice further": (shift(0, 0, 1.0), "frame 1 lies 1.0 mm away from"),
    "sideways": (shift(7.0, 0, 0), "frame 1 lies 7.0 mm away from"),
    "a pixel sideways": (shift(0, 0.7, 0), "frame 1 lies 0.7 mm away from"),
    "out of the body": (shift(0, 0, 400), "frame 1 lies 400.0 mm away from"),
    "larger pixels": (stretch(1.3, 1), "frame . lies .* mm away from"),
    "thicker slices": (stretch(1, 1.5), "frame 4 lies 3.8 mm away from"),
    "turned about its normal": (turn((0, 0, 1), 5), "frame . lies .* mm away from"),
    "turned out of its plane": (turn((1, 0, 0), 5), "frame . is turned by 5.0 degrees against"),
    "turned in place": (turn_in_place, "frame . lies .* mm away from"),
}


@pytest.mark.parametrize(("change", "told"), CONTRADICTIONS.values(), ids=CONTRADICTIONS.keys())
def test_a_contradiction_is_refused_and_says_what_which_and_how_far(change, told, seg, series):
    with pytest.raises(InputError, match=f"seg.dcm: [34] of its 4 frames contradict the images.*{told}") as refusal:
        read_seg(spoiled(seg, change), series)
    named = re.search(r"the image ([\d.]+)\. ", str(refusal.value))
    assert named and named[1] in {str(image.SOPInstanceUID) for image in series.datasets}


def test_frames_of_an_enhanced_image_are_told_by_their_numbers(tmp_path):
    series = series_of_kind("enhanced CT")
    write_seg(meant_on(series), series, tmp_path / "seg.dcm")
    assert same_masks(read_seg(tmp_path / "seg.dcm", series), meant_on(series))
    with pytest.raises(InputError, match=r"frame 1 lies 2.5 mm away from frame 2 of the image"):
        read_seg(spoiled(tmp_path / "seg.dcm", shift(0, 0, 2.5)), series)


@pytest.mark.parametrize(
    "change", [shift(0, 0, 0.2), shift(0.3, 0, 0), shift(0.05, -0.05, 0.05), turn((1, 2, 3), 0.02)]
)
def test_rounding_is_no_contradiction(change, seg, series):
    assert same_masks(read_seg(spoiled(seg, change), series), meant_on(series))


def mirror(data):
    """Each frame from its last pixel on, with its directions the other way."""
    rows, columns = data.Rows, data.Columns
    pixels = data.pixel_array[:, ::-1, ::-1]
    data.PixelData = np.packbits(pixels.ravel(), bitorder="little").tobytes()
    orientation = data.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0]
    orientation.ImageOrientationPatient = [-1, 0, 0, 0, -1, 0]
    shift(0.7 * (columns - 1), 0.7 * (rows - 1), 0)(data)


def test_frames_that_are_stored_the_other_way_round_are_read_exactly(seg, series):
    found = import_seg(spoiled(seg, mirror), series)
    assert same_masks(found.segmentation, meant_on(series)) and found.notes == ()


def without_references(data):
    for group in data.PerFrameFunctionalGroupsSequence:
        del group.DerivationImageSequence


def with_all_images(data):
    """Each frame names the whole series, as made from it by resampling."""
    groups = data.PerFrameFunctionalGroupsSequence
    sources = [group.DerivationImageSequence[0].SourceImageSequence[0] for group in groups]
    for group in groups:
        group.DerivationImageSequence[0].SourceImageSequence = sources


def with_locations_that_are_not_preserved(data):
    for group in data.PerFrameFunctionalGroupsSequence:
        group.DerivationImageSequence[0].SourceImageSequence[0].SpatialLocationsPreserved = "NO"


@pytest.mark.parametrize("claim", [without_references, with_all_images, with_locations_that_are_not_preserved])
def test_what_claims_no_pixels_may_lie_on_another_grid_and_a_note_says_so(claim, seg, series):
    spoiled(seg, claim)
    found = import_seg(spoiled(seg, shift(0.0, 0.3, 0.9)), series)
    assert "on another grid than the series" in " ".join(found.notes)
    assert found.segmentation.segments[0].voxel_count == 64


def test_what_lies_beside_the_series_is_told(seg, series):
    spoiled(seg, without_references)
    found = import_seg(spoiled(seg, shift(3000.3, 0, 0.9)), series)
    assert "Empty on the series" in found.notes[1] and "liver" in found.notes[1]


@pytest.mark.parametrize("scale", [(1, 1, 1), (1, 1, 0.4), (1, 1, 3), (1.3, 1, 0.7), (0.5, 0.5, 1)])
def test_the_nearest_images_that_dcmqi_names_are_no_contradiction(scale, tmp_path):
    """It writes labels on any grid, and for each frame the images of which the first voxel is nearest to it."""
    shape = (18, 9, 10)
    series = series_on(volume_on(AXIAL, shape))
    volume = volume_on(AXIAL @ np.diag([*scale, 1.0]), (12, 14, 12))
    labels = np.zeros(volume.array.shape, dtype=np.uint8)
    labels[1:5, 1:6, 2:7] = 1
    seg = write_with_dcmqi(series, labels, volume.ijk_to_ras, tmp_path)
    found = import_seg(seg, series)
    assert found.segmentation.segments[0].voxel_count
    assert bool(found.notes) == (scale != (1, 1, 1))


def test_what_dcmqi_wrote_for_other_places_is_a_contradiction(series, tmp_path):
    labels = np.zeros(series.volume.array.shape, dtype=np.uint8)
    labels[1:5, 1:6, 2:7] = 1
    seg = write_with_dcmqi(series, labels, series.volume.ijk_to_ras, tmp_path)
    with pytest.raises(InputError, match="frame 1 lies 2.5 mm away from"):
        read_seg(spoiled(seg, shift(0, 0, 2.5)), series)
