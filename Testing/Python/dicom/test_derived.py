"""CT series that are made from volumes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_series import IDENTITY, write_series
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vistaseg.dicom import read_series, write_derived_ct
from vistaseg.dicom.dciodvfy import PROGRAM, validator_findings
from vistaseg.errors import InputError
from vistaseg.masks.boxed import BoxedMask
from vistaseg.segmentation import Segment, Segmentation
from vistaseg.segmentation.resampling import onto_grid
from vistaseg.volume import Volume


def rotation(angles: list[float]) -> np.ndarray:
    turned = np.eye(3)
    for axis, angle in enumerate(angles):
        c, s = np.cos(angle), np.sin(angle)
        plane = np.roll(np.array([[1, 0, 0], [0, c, -s], [0, s, c]]), (axis, axis), (0, 1))
        turned = plane @ turned
    return turned


@given(
    angles=st.lists(st.floats(-3, 3), min_size=3, max_size=3),
    spacing=st.lists(st.floats(0.5, 5), min_size=3, max_size=3),
    mirrored=st.booleans(),
)
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_rectangular_grid_comes_back_voxel_by_voxel(tmp_path_factory, angles, spacing, mirrored):
    affine = np.eye(4)
    affine[:3, :3] = rotation(angles) @ np.diag(spacing)
    affine[:3, 2] *= -1 if mirrored else 1
    affine[:3, 3] = 40, -50, 60
    values = np.random.default_rng(0).integers(-1024, 3000, (3, 4, 5)).astype(np.float32)
    folder = tmp_path_factory.mktemp("series")
    found = read_series(write_derived_ct(Volume.from_array(values, affine, axes="kji"), folder)).volume
    assert found.modality == "CT"
    chosen = Segment("a", 1, None, (1, 2, 3), None, BoxedMask.of(values > 1000))
    placed = onto_grid(Segmentation((5, 4, 3), affine, [chosen]), found.grid)
    mask = np.zeros(found.array.shape, bool)
    (segment,) = placed.segmentation.segments
    mask[segment.mask.box.slices_kji] = segment.mask.array
    assert placed.aligned and np.array_equal(mask, found.array > 1000)


def test_each_image_says_that_it_is_derived_and_of_nobody(scan, tmp_path):
    for path in write_derived_ct(scan, tmp_path):
        image = pydicom.dcmread(path)
        assert list(image.ImageType[:2]) == ["DERIVED", "SECONDARY"]
        assert "derived" in image.SeriesDescription and image.DerivationDescription
        assert not image.PatientName and not image.PatientID and not image.PatientBirthDate


@pytest.mark.skipif("not __import__('shutil').which('dciodvfy')", reason=f"{PROGRAM} is not installed")
def test_the_validator_finds_no_error(scan, tmp_path):
    path = write_derived_ct(scan, tmp_path)[0]
    found = list(validator_findings(pydicom.dcmread(path)))
    assert [finding.what for finding in found if finding.level == "error"] == []


def test_values_are_rounded_and_kept(scan, tmp_path):
    volume = Volume.from_array(scan.array + 0.3, scan.ijk_to_ras, axes="kji")
    assert np.array_equal(read_series(write_derived_ct(volume, tmp_path)).volume.array, scan.array)


def test_each_export_is_a_new_study_with_a_frame_of_reference_of_its_own(scan, tmp_path):
    images = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        images.append(pydicom.dcmread(write_derived_ct(scan, tmp_path / name)[0]))
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "SOPInstanceUID"):
        assert images[0][keyword].value != images[1][keyword].value


def test_a_study_that_is_given_is_joined_with_its_patient(scan, tmp_path):
    (tmp_path / "derived").mkdir()
    original = pydicom.dcmread(study := write_series(tmp_path / "original", scan)[0])
    image = pydicom.dcmread(write_derived_ct(scan, tmp_path / "derived", study=study)[0])
    for keyword in ("StudyInstanceUID", "PatientName", "PatientID", "PatientBirthDate", "AccessionNumber"):
        assert image[keyword].value == original[keyword].value
    assert image.SeriesInstanceUID != original.SeriesInstanceUID
    assert image.FrameOfReferenceUID != original.FrameOfReferenceUID
    assert IDENTITY["InstitutionName"] not in str(image)


@pytest.mark.parametrize("values", [[0, 1e5], [-4e4, 0], [0, np.nan]])
def test_what_is_no_hounsfield_unit_is_refused_before_anything_is_written(values, tmp_path):
    volume = Volume.from_array(np.resize(np.array(values, np.float32), (2, 2, 2)), np.eye(4), axes="kji")
    with pytest.raises(InputError, match="Hounsfield"):
        write_derived_ct(volume, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_sheared_grid_is_refused(scan, tmp_path):
    affine = scan.ijk_to_ras.copy()
    affine[0, 2] = 1
    with pytest.raises(InputError, match="right angles"):
        write_derived_ct(Volume.from_array(scan.array, affine, axes="kji"), tmp_path)


def test_a_study_that_is_no_dicom_is_refused(scan, tmp_path):
    (tmp_path / "note.txt").write_text("no image")
    with pytest.raises(InputError, match=r"note\.txt"):
        write_derived_ct(scan, tmp_path, study=Path(tmp_path / "note.txt"))
