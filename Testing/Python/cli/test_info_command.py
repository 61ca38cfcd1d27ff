"""`vistaseg info`: what it says of a scan is what its file says."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK
from dicom_series import write_series

from vistaseg.models.registry import spec
from vistaseg.volume import Volume

AFFINE = np.array([[0, -2.0, 0, 90], [-1.5, 0, 0, 80], [0, 0, 5, -80], [0, 0, 0, 1]])


@pytest.fixture
def oblong(phantom) -> Volume:
    return phantom((60, 50, 30), AFFINE)


@pytest.mark.parametrize(
    ("name", "form"), [("ct.nii.gz", "NIfTI, gzip"), ("ct.nrrd", "NRRD"), ("ct.mha", "MetaImage"), ("", "DICOM")]
)
def test_grid_place_and_values_are_those_of_the_file(vistaseg, tmp_path, oblong, name, form):
    if name:
        SimpleITK.WriteImage(oblong.to_sitk(), str(tmp_path / name))
    else:
        write_series(tmp_path, oblong)
    done = vistaseg("info", tmp_path / name, "--json")
    said = done.json
    assert done.code == 0 and said["format"] == form
    assert said["modality"] == (None if name else "CT")
    matrix = np.array(said["ijk_to_ras"])
    shape = np.array(said["shape_ijk"])
    assert sorted(shape) == [30, 50, 60] and sorted(np.round(said["spacing_mm"], 3)) == [1.5, 2, 5]
    assert sorted(np.round(said["size_mm"], 2)) == [90, 100, 150]
    first, last = matrix[:3, 3], matrix[:3, :3] @ (shape - 1) + matrix[:3, 3]
    assert np.allclose(said["range_ras"], [np.minimum(first, last), np.maximum(first, last)])
    assert np.allclose(said["range_ras"], [[-8, -8.5, -80], [90, 80, 65]], atol=1e-3)
    assert np.allclose(said["range_lps"], [[-90, -80, -80], [8, 8.5, 65]], atol=1e-3)
    assert said["values"] == [oblong.array.min(), oblong.array.max()]
    assert said["vista3d_windows"] == spec("vista3d").expected_windows(said["size_mm"]) and said["problem"] is None


def test_the_text_names_orientation_ranges_and_values(vistaseg, tmp_path, oblong):
    SimpleITK.WriteImage(oblong.to_sitk(), str(tmp_path / "ct.nrrd"))
    done = vistaseg("info", tmp_path / "ct.nrrd")
    assert "60 x 50 x 30 (i, j, k)" in done.stdout and "1.5 x 2 x 5 mm" in done.stdout
    assert "Orientation  PLS" in done.stdout
    assert "Range RAS    -8.0 to 90.0, -8.5 to 80.0, -80.0 to 65.0 mm" in done.stdout
    assert "Range LPS    -90.0 to 8.0, -80.0 to 8.5, -80.0 to 65.0 mm" in done.stdout
    assert f"Values       {oblong.array.min()} to {oblong.array.max()} HU" in done.stdout


def test_what_is_doubtful_is_said(vistaseg, write_nifti):
    values = np.random.default_rng(0).integers(0, 2000, (20, 20, 20)).astype(np.int16)
    said = vistaseg("info", write_nifti(values), "--json").json
    assert said["problem"] is None and any("HU + 1024" in doubt for doubt in said["doubts"])
    assert "Doubtful" in vistaseg("info", write_nifti(values)).stdout


def test_what_cannot_be_segmented_is_described_with_the_reason(vistaseg, tmp_path, oblong):
    write_series(tmp_path, oblong, "mr", lambda image, _: setattr(image, "Modality", "MR"))
    done = vistaseg("info", tmp_path, "--json")
    assert done.code == 0 and "modality MR" in done.json["problem"] and done.json["vista3d_windows"] is None


def test_a_file_that_cannot_be_read_is_refused(vistaseg, tmp_path):
    (tmp_path / "ct.nrrd").write_text("nothing")
    done = vistaseg("info", tmp_path / "ct.nrrd")
    assert done.code == 3 and "ct.nrrd" in done.stderr


def test_slices_that_are_lost_are_said(vistaseg, tmp_path, oblong):
    write_series(tmp_path, oblong)
    (tmp_path / "lost.dcm").symlink_to("gone")
    assert any("lost.dcm" in doubt for doubt in vistaseg("info", tmp_path, "--json").json["doubts"])
