"""Arrays of other libraries: the order of their axes is stated, or nothing is made of them."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import SimpleITK
from hypothesis import given
from hypothesis import strategies as st

from vistaseg.errors import InputError, UsageError, VistaSegError
from vistaseg.volume import Volume, read_volume

AFFINE = np.array([[0, -1.75, 0, 10.5], [1.25, 0, 0, -20.5], [0, 0, 2.5, 30.5], [0, 0, 0, 1]])
IJK = np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6)


def test_the_array_and_affine_of_nibabel_make_no_volume_without_the_order_of_axes(tmp_path: Path) -> None:
    nibabel.save(nibabel.Nifti1Image(IJK, AFFINE), tmp_path / "ct.nii")
    for image in (nibabel.Nifti1Image(IJK, AFFINE), nibabel.load(tmp_path / "ct.nii")):
        for made in (
            lambda image=image: Volume(np.asanyarray(image.dataobj), image.affine),
            lambda image=image: Volume(array=image.get_fdata(), ijk_to_ras=image.affine),
        ):
            with pytest.raises(UsageError, match="from_nibabel"):
                made()
        with pytest.raises(TypeError, match="axes"):
            Volume.from_array(image.get_fdata(), image.affine)  # type: ignore[call-arg]


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_a_nibabel_image_is_the_same_volume_as_its_file(tmp_path: Path, suffix: str) -> None:
    nibabel.save(nibabel.Nifti1Image(IJK, AFFINE), tmp_path / f"ct{suffix}")
    expected = read_volume(tmp_path / f"ct{suffix}")
    for image in (nibabel.Nifti1Image(IJK, AFFINE), nibabel.load(tmp_path / f"ct{suffix}")):
        volume = Volume.from_nibabel(image, name="ct")
        assert volume.name == "ct" and volume.shape_ijk == (4, 5, 6)
        assert np.array_equal(volume.array, expected.array) and np.allclose(volume.ijk_to_ras, expected.ijk_to_ras)


def test_a_nibabel_image_of_one_time_is_a_volume() -> None:
    assert np.array_equal(Volume.from_nibabel(nibabel.Nifti1Image(IJK[..., None], AFFINE)).array, IJK.T)
    with pytest.raises(InputError, match="4 dimensions"):
        Volume.from_nibabel(nibabel.Nifti1Image(np.zeros((4, 5, 6, 2), np.int16), AFFINE))


def doubtful(how: str) -> nibabel.Nifti1Image:
    image = nibabel.Nifti1Image(IJK, AFFINE)
    mirrored = np.diag([-1.0, 1, 1, 1]) @ AFFINE
    if how == "no form":
        image.set_sform(None, 0)
        image.set_qform(None, 0)
    elif how == "forms that disagree":
        image.set_sform(AFFINE, 2)
        image.set_qform(mirrored, 1)
    elif how == "forms of equal codes that disagree":
        image.set_sform(AFFINE, 1)
        image.set_qform(mirrored, 1)
    elif how == "another spacing":
        image.header["pixdim"][1:4] *= 2
    elif how in ("meter", "micron"):
        scale = {"meter": 0.001, "micron": 1000}[how]
        image = nibabel.Nifti1Image(IJK, np.diag([scale, scale, scale, 1]) @ AFFINE)
        image.header.set_xyzt_units(how)
    return image


@pytest.mark.parametrize("how", ["no form", "forms that disagree", "forms of equal codes that disagree",
                                 "another spacing", "meter", "micron"])  # fmt: skip
def test_a_nibabel_image_lies_where_its_file_does_with_the_same_notes(tmp_path: Path, how: str) -> None:
    nibabel.save(doubtful(how), tmp_path / "ct.nii")
    expected = read_volume(tmp_path / "ct.nii")
    assert bool(expected.notes) == (how not in ("meter", "micron"))
    volume = Volume.from_nibabel(nibabel.load(tmp_path / "ct.nii"))
    assert np.allclose(volume.ijk_to_ras, expected.ijk_to_ras) and volume.notes == expected.notes


def test_a_nibabel_image_of_another_format_or_a_changed_affine_lies_where_its_affine_says() -> None:
    other = nibabel.MGHImage(IJK, AFFINE)
    changed = nibabel.Nifti1Image(IJK, AFFINE)
    changed.affine[:3, 3] += 7
    for image in (other, changed):
        assert np.allclose(Volume.from_nibabel(image).ijk_to_ras, image.affine)


@given(st.integers(0, 3), st.integers(0, 4), st.integers(0, 5))
def test_both_orders_of_axes_put_a_voxel_to_the_same_place(i: int, j: int, k: int) -> None:
    ijk = Volume.from_array(IJK, AFFINE, axes="ijk")
    kji = Volume.from_array(IJK.transpose(2, 1, 0), AFFINE, axes="kji")
    assert ijk.array[k, j, i] == kji.array[k, j, i] == IJK[i, j, k]
    assert np.allclose(ijk.index_to_ras([[i, j, k]]), nibabel.affines.apply_affine(AFFINE, [[i, j, k]]))


@pytest.mark.parametrize("axes", ["xyz", "", None, "KJI", "jik"])
def test_another_order_of_axes_is_refused(axes: Any) -> None:
    with pytest.raises(UsageError, match="axes is"):
        Volume.from_array(IJK, AFFINE, axes=axes)


def test_images_of_other_kinds_are_refused_with_the_next_step() -> None:
    picture = nibabel.Nifti1Image(IJK, AFFINE)
    for made, words in (
        (lambda: Volume.from_sitk(picture), "from_nibabel"),
        (lambda: Volume.from_sitk(IJK), "from_array"),
        (lambda: Volume.from_nibabel(IJK), "from_array"),
        (lambda: Volume.from_nibabel(SimpleITK.Image(4, 4, 4, SimpleITK.sitkInt16)), "from_array"),
        (lambda: read_volume(SimpleITK.Image(4, 4, 4, SimpleITK.sitkInt16)), "from_sitk"),
        (lambda: read_volume(picture), "from_nibabel"),
        (lambda: read_volume(IJK), "from_array"),
        (lambda: read_volume(None), "from_array"),
    ):
        with pytest.raises(VistaSegError, match=words):
            made()


def test_a_volume_can_be_copied_pickled_and_changed() -> None:
    volume = Volume.from_array(IJK, AFFINE, axes="ijk")
    for other in (copy.copy(volume), copy.deepcopy(volume), pickle.loads(pickle.dumps(volume)), replace(volume)):
        assert other.content_hash == volume.content_hash
    assert replace(volume, name="other").name == "other"
