"""A scan lies where the installed ITK, and so 3D Slicer, places it; two places in one header are told."""

from __future__ import annotations

import struct
from itertools import product
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import SimpleITK
from hypothesis import given, settings
from hypothesis import strategies as st

from vistaseg.errors import InputError
from vistaseg.segmentation import read_segmentation
from vistaseg.volume import Volume, nifti_forms, read_volume

SHAPE = (6, 5, 4)
CODES = list(product(range(5), range(5)))


def rigid(seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(random.normal(size=(3, 3)))
    affine = np.eye(4)
    affine[:3, :3] = turn * random.choice([-1, 1], 3) * random.uniform(0.4, 5, 3)
    affine[:3, 3] = random.uniform(-500, 500, 3)
    return affine


def other_than(affine: np.ndarray, how: str, seed: int) -> np.ndarray:
    """A second place for the same voxels."""
    changed = affine.copy()
    random = np.random.default_rng(seed)
    if how == "shifted":
        changed[:3, 3] += random.uniform(-30, 30, 3)
    elif how == "mirrored":
        changed = np.diag([-1.0, 1, 1, 1]) @ affine
    elif how == "mirrored about its first voxel":  # which ITK 5.4 takes for similar
        changed[:3, 0] *= -1
    elif how == "sheared":
        changed[:3, 0] += random.uniform(0.05, 0.5) * affine[:3, 1]
    elif how == "stretched":
        changed[:3, 2] *= random.uniform(1.2, 2)
    elif how == "turned":
        changed = rigid(seed + 1)
        lengths = [np.linalg.norm(matrix[:3, :3], axis=0) for matrix in (affine, changed)]
        changed[:3, :3] *= lengths[0] / lengths[1]
    elif how == "rounded":
        changed[:3, :3] += random.uniform(-1e-6, 1e-6, (3, 3))
    elif how == "singular":
        changed[:3, 1] = changed[:3, 0]
    return changed


def written(path: Path, qform: np.ndarray, sform: np.ndarray, codes: tuple[int, int]) -> Path:
    image = nibabel.Nifti1Image(np.arange(120, dtype=np.int16).reshape(SHAPE), qform)
    image.set_qform(qform, codes[0])
    image.set_sform(sform, codes[1])
    image.header["pixdim"][1:4] = np.linalg.norm(qform[:3, :3], axis=0)
    nibabel.save(image, path)
    return path


def itk_affine(path: Path) -> np.ndarray | None:
    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        return Volume.from_sitk(reader.Execute()).ijk_to_ras
    except RuntimeError:
        return None


HOW = [
    "shifted",
    "mirrored",
    "mirrored about its first voxel",
    "sheared",
    "stretched",
    "turned",
    "rounded",
    "singular",
    "equal",
]


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 10**6))
@pytest.mark.parametrize("how", HOW)
def test_for_every_pair_of_codes_the_place_is_that_of_the_installed_itk(
    tmp_path_factory: pytest.TempPathFactory, how: str, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("forms")
    qform = rigid(seed)
    sform = other_than(qform, how, seed)
    for codes in CODES:
        path = written(folder / "scan.nii", qform, sform, codes)
        expected = itk_affine(path)
        if expected is None:  # ITK refuses a sheared or singular sform that stands alone
            assert codes[0] == 0 and how in ("sheared", "singular")
            continue
        volume = read_volume(path)
        assert np.abs(volume.ijk_to_ras - expected).max() < 1e-3, (codes, how)
        disagree = how not in ("equal", "rounded") and min(codes) > 0
        assert bool(volume.notes) == (disagree or codes == (0, 0) or (how == "stretched" and codes[1] > 0)), codes


def test_a_scan_that_is_placed_twice_says_how_far_apart_and_which_place_was_taken(tmp_path: Path) -> None:
    qform = rigid(1)
    shifted = qform.copy()
    shifted[:3, 3] += [20, 20, 30]
    volume = read_volume(written(tmp_path / "scan.nii.gz", qform, shifted, (1, 2)))
    assert np.abs(volume.ijk_to_ras - qform).max() < 1e-3
    (note,) = volume.notes
    assert "sform (code 2) and its qform (code 1) lie up to 41.2 mm apart" in note
    assert "The qform was used, as ITK and 3D Slicer do" in note and "mirror" not in note


def test_a_scan_that_is_mirrored_by_its_second_place_says_so(tmp_path: Path) -> None:
    qform = np.diag([2.0, 3, 4, 1])
    qform[:3, 3] = 10, 20, 30
    volume = read_volume(written(tmp_path / "scan.nii", qform, np.diag([-1.0, 1, 1, 1]) @ qform, (1, 2)))
    assert volume.orientation == "RAS"
    assert "one is the mirror image of the other" in volume.notes[0]


def test_a_spacing_that_is_stated_twice_is_told(tmp_path: Path) -> None:
    sform = np.diag([-1.0, -1, 2, 1])
    path = written(tmp_path / "scan.nii", np.diag([-1.0, -1, 3, 1]), sform, (0, 1))
    volume = read_volume(path)
    assert volume.spacing == pytest.approx((1, 1, 3))
    assert "1 x 1 x 3 mm (pixdim), but 1 x 1 x 2 mm in its sform" in volume.notes[0]


def test_a_qform_that_is_no_number_gives_way_to_the_sform(tmp_path: Path) -> None:
    path = written(tmp_path / "scan.nii", rigid(2), rigid(2), (1, 2))
    raw = bytearray(path.read_bytes())
    struct.pack_into("<3f", raw, 256, np.nan, 0, 0)
    path.write_bytes(raw)
    volume = read_volume(path)
    assert np.abs(volume.ijk_to_ras - rigid(2)).max() < 1e-3
    assert volume.notes == ("The qform of the file is not usable; its sform was used.",)


def test_two_places_that_itk_refuses_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nifti_forms, "_itk_affine", lambda _: None)
    with pytest.raises(InputError, match="places the scan twice.*Mend the header"):
        read_volume(written(tmp_path / "scan.nii", rigid(2), rigid(3), (1, 2)))


def test_itk_says_nothing_itself_about_a_header(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path / "scan.nii", np.diag([1.0, 1, 3, 1]), np.diag([1.0, 1, 2, 1]), (1, 1))
    read_volume(path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("codes", [(1, 2), (2, 1), (4, 3)])
def test_a_label_map_lies_where_its_scan_lies_and_says_that_it_is_placed_twice(tmp_path: Path, codes: Any) -> None:
    qform = np.diag([-1.5, -1.5, 3, 1])
    sform = np.diag([-1.0, 1, 1, 1]) @ qform
    scan = read_volume(written(tmp_path / "scan.nii.gz", qform, sform, codes))
    labels = read_segmentation(written(tmp_path / "labels.nii.gz", qform, sform, codes))
    assert np.array_equal(labels.ijk_to_ras, scan.ijk_to_ras)
    assert labels.notes == scan.notes and "disagree" in labels.notes[0]
