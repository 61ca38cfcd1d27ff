"""Every voxel lies where the standard says that it does, however the images are turned, ordered and spaced."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dicom_series import enhanced_ct, write_series
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from scipy.spatial.transform import Rotation

from vistaseg.dicom import read_series
from vistaseg.volume import Volume, read_volume

FEW = settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
RIGHT_ANGLES = [Rotation.from_euler("xyz", angles, degrees=True).as_matrix() for angles in
                ([0, 0, 0], [90, 0, 0], [0, 90, 0], [0, 0, 90], [180, 0, 0], [90, 90, 0], [0, 180, 90])]  # fmt: skip


@st.composite
def scans(draw) -> Volume:
    """Volumes of HU on right-handed rectangular grids: axial, sagittal, coronal or oblique."""
    angles = st.tuples(*[st.floats(-180, 180)] * 3)
    oblique = angles.map(lambda three: Rotation.from_euler("zyx", three, degrees=True).as_matrix())
    spacing = draw(st.tuples(st.floats(0.3, 2), st.floats(0.3, 2), st.floats(0.5, 8)))
    affine = np.eye(4)
    affine[:3, :3] = draw(st.one_of(st.sampled_from(RIGHT_ANGLES), oblique)) * spacing
    affine[:3, 3] = draw(st.tuples(*[st.floats(-500, 500)] * 3))
    shape = draw(st.tuples(st.integers(3, 5), st.integers(2, 5), st.integers(2, 5)))
    values = np.random.default_rng(draw(st.integers(0, 99))).integers(-1024, 3000, shape)
    return Volume.from_array(values.astype(np.int16), affine, axes="kji", modality="CT")


def ras_of(image, column: float, row: float) -> np.ndarray:
    """PS3.3 C.7.6.2.1.1, equation C.7.6.2.1-1, and LPS to RAS: the place of a pixel by its own image alone."""
    position, orientation = (
        np.array(values, float) for values in (image.ImagePositionPatient, image.ImageOrientationPatient)
    )
    between_rows, between_columns = map(float, image.PixelSpacing)
    lps = position + orientation[:3] * between_columns * column + orientation[3:] * between_rows * row
    return lps * [-1, -1, 1]


@FEW
@given(scan=scans(), data=st.data())
def test_every_voxel_lies_where_its_own_image_says_and_has_its_value(tmp_path_factory, scan, data):
    folder = tmp_path_factory.mktemp("series")
    paths = write_series(folder, scan)
    read = read_volume(folder)
    i, j, k = (data.draw(st.integers(0, size - 1)) for size in scan.shape_ijk)
    image = dcmread(paths[k])
    assert np.abs(read.index_to_ras([[i, j, k]])[0] - ras_of(image, i, j)).max() < 1e-3
    assert read.array[k, j, i] == image.pixel_array[j, i] * image.RescaleSlope + image.RescaleIntercept


@FEW
@given(scan=scans())
def test_a_series_and_its_enhanced_image_are_the_volume_that_they_were_made_of(tmp_path_factory, scan):
    folder = tmp_path_factory.mktemp("series")
    write_series(folder / "single", scan)
    enhanced_ct(scan, order=list(range(scan.shape_ijk[2]))[::-1]).save_as(folder / "e.dcm", enforce_file_format=True)
    for read in (read_volume(folder / "single"), read_volume(folder / "e.dcm")):
        assert np.array_equal(read.array, scan.array)
        assert np.allclose(read.ijk_to_ras, scan.ijk_to_ras, atol=1e-5)


@FEW
@given(scan=scans())
def test_every_header_and_frame_is_that_of_its_slice(tmp_path_factory, scan):
    folder = tmp_path_factory.mktemp("series")
    paths = write_series(folder / "single", scan)
    series = read_series(folder / "single")
    assert list(series.files) == paths and series.frames is None
    for k, header in enumerate(series.datasets):
        assert np.allclose(ras_of(header, 0, 0), series.volume.index_to_ras([[0, 0, k]])[0], atol=1e-3)
        assert "PixelData" not in header


def test_frames_are_numbered_from_1_in_the_order_of_the_slices(tmp_path):
    scan = Volume.from_array(
        np.arange(5 * 4 * 3, dtype=np.int16).reshape(5, 4, 3), np.diag([-1.0, -1.0, 2.0, 1.0]), axes="kji"
    )
    order = [3, 0, 4, 2, 1]
    enhanced_ct(scan, order).save_as(tmp_path / "e.dcm", enforce_file_format=True)
    series = read_series(tmp_path)
    assert series.frames == tuple(order.index(k) + 1 for k in range(5))
    assert len(series.datasets) == len(series.files) == 1


def test_a_mirrored_grid_is_read_right_handed_with_the_same_values_at_the_same_places(tmp_path):
    scan = Volume.from_array(
        np.random.default_rng(0).integers(-1000, 1000, (4, 3, 5)).astype(np.int16), np.diag([1.0, 2, 3, 1]), axes="kji"
    )
    flipped = Volume.from_array(
        scan.array[:, ::-1], scan.ijk_to_ras @ [[1, 0, 0, 0], [0, -1, 0, 2], [0, 0, 1, 0], [0, 0, 0, 1]], axes="kji"
    )
    write_series(tmp_path, flipped)
    read = read_volume(tmp_path)
    assert np.linalg.det(read.ijk_to_ras[:3, :3]) > 0
    everywhere = np.argwhere(np.ones(scan.array.shape))[:, ::-1]
    there = np.rint(read.ras_to_index(scan.index_to_ras(everywhere))).astype(int)
    assert np.array_equal(read.array[tuple(there.T[::-1])], scan.array[tuple(everywhere.T[::-1])])


def test_the_enhanced_ct_of_pydicom_is_read():
    package = pytest.importorskip("data_store", reason="pydicom-data is not installed")
    path = Path(package.__file__).parent / "data" / "eCT_Supplemental.dcm"
    series, image = read_series(path), dcmread(path)
    assert series.volume.shape_ijk == (512, 512, 2)
    for k, frame in enumerate(series.frames or ()):
        place = image.PerFrameFunctionalGroupsSequence[frame - 1].PlanePositionSequence[0].ImagePositionPatient
        assert np.allclose(series.volume.index_to_ras([[0, 0, k]])[0] * [-1, -1, 1], place, atol=1e-3)
