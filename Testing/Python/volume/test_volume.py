from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from hypothesis import given, settings
from hypothesis import strategies as st

from vistaseg.errors import InputError
from vistaseg.volume import Volume, read_volume


def random_affine(seed: int, single_precision: bool = False) -> np.ndarray:
    random = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(random.normal(size=(3, 3)))
    affine = np.eye(4)
    affine[:3, :3] = turn * random.choice([-1, 1], 3) * random.uniform(0.3, 6, 3)
    affine[:3, 3] = random.uniform(-1000, 1000, 3)
    return affine.astype(np.float32).astype(np.float64) if single_precision else affine


def random_volume(seed: int, kind: type = np.int16) -> Volume:
    values = np.random.default_rng(seed).integers(-1000, 2000, (3, 4, 5)).astype(kind)
    return Volume.from_array(values, random_affine(seed), axes="kji")


seeds = st.integers(0, 10**6)
corners = np.array([[0, 0, 0], [511, 0, 0], [0, 511, 0], [0, 0, 800], [511, 511, 800]])


def test_shape_is_told_in_ijk_while_the_array_is_kji() -> None:
    assert Volume.from_array(np.zeros((2, 3, 4)), np.eye(4), axes="kji").shape_ijk == (4, 3, 2)


def test_the_array_of_a_volume_cannot_be_changed_but_the_given_one_can() -> None:
    given_array = np.zeros((2, 3, 4))
    volume = Volume.from_array(given_array, np.eye(4), axes="kji")
    with pytest.raises(ValueError, match="read-only"):
        volume.array[0, 0, 0] = 1
    given_array[0, 0, 0] = 1


@pytest.mark.parametrize("shape", [(4, 4), (2, 2, 2, 2), (4, 4, 4, 3)])
def test_an_array_that_is_not_three_dimensional_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=f"has {len(shape)} dimensions"):
        Volume.from_array(np.zeros(shape), np.eye(4), axes="kji")


@pytest.mark.parametrize(
    ("array", "words"),
    [(np.zeros((0, 2, 2)), "no voxels"), (np.zeros((2, 2, 2), dtype=complex), "not plain numbers")],
)
def test_an_array_without_usable_numbers_is_refused(array: np.ndarray, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Volume.from_array(array, np.eye(4), axes="kji")


def test_equal_content_has_equal_hash_whatever_its_name_and_memory_layout() -> None:
    volume = random_volume(1)
    same = Volume.from_array(
        np.asfortranarray(volume.array), volume.ijk_to_ras, axes="kji", name="other", modality="CT"
    )
    assert same.content_hash == volume.content_hash


@given(st.lists(st.decimals(-1000, 1000, places=4).map(float), min_size=3, max_size=3))
def test_what_files_change_of_a_geometry_does_not_change_the_hash(origin: list[float]) -> None:
    volume = random_volume(1)
    there = volume.ijk_to_ras.copy()
    there[:3, 3] = origin
    hashes = set()
    for change in (0, 2**-50, -(2**-50)):
        read = there * (1 + change)
        read[3] = there[3]
        hashes.add(Volume.from_array(volume.array, read, axes="kji").content_hash)
    assert len(hashes) == 1


def test_any_change_of_content_changes_the_hash() -> None:
    volume = random_volume(1)
    brighter = volume.array.copy()
    brighter[0, 0, 0] += 1
    moved = volume.ijk_to_ras.copy()
    moved[0, 3] += 0.001
    others = [
        Volume.from_array(brighter, volume.ijk_to_ras, axes="kji"),
        Volume.from_array(volume.array, moved, axes="kji"),
        Volume.from_array(volume.array.astype(np.int32), volume.ijk_to_ras, axes="kji"),
        Volume.from_array(volume.array.reshape(5, 4, 3), volume.ijk_to_ras, axes="kji"),
        Volume.from_array(volume.array.view(np.uint16), volume.ijk_to_ras, axes="kji"),
    ]
    assert len({item.content_hash for item in [volume, *others]}) == 6


@given(seeds)
def test_simpleitk_and_back_keeps_voxels_and_place(seed: int) -> None:
    volume = random_volume(seed)
    back = Volume.from_sitk(volume.to_sitk())
    assert np.array_equal(back.array, volume.array)
    assert np.abs(back.index_to_ras(corners) - volume.index_to_ras(corners)).max() < 1e-6


@given(seeds)
def test_simpleitk_sees_the_same_point_in_lps(seed: int) -> None:
    volume = random_volume(seed)
    left, posterior, superior = volume.to_sitk().TransformIndexToPhysicalPoint((4, 3, 2))
    assert np.allclose(volume.index_to_ras([[4, 3, 2]]), [[-left, -posterior, superior]])


@pytest.mark.parametrize("kind", [bool, np.float16, np.uint8, np.int32, np.int64, np.float64])
def test_every_kind_of_voxel_can_go_to_simpleitk(kind: type) -> None:
    volume = Volume.from_array((np.arange(24) % 2).reshape(2, 3, 4).astype(kind), np.eye(4), axes="kji")
    assert np.array_equal(SimpleITK.GetArrayFromImage(volume.to_sitk()), volume.array)


def test_shear_is_refused_by_the_conversion_to_simpleitk() -> None:
    sheared = np.eye(4)
    sheared[0, 2] = 0.05
    with pytest.raises(InputError, match="SimpleITK needs"):
        Volume.from_array(np.zeros((2, 2, 2)), sheared, axes="kji").to_sitk()


@pytest.mark.parametrize(
    "image",
    [SimpleITK.Image(4, 4, SimpleITK.sitkInt16), SimpleITK.Image([4, 4, 4], SimpleITK.sitkVectorUInt8, 3)],
)
def test_simpleitk_images_that_are_no_volume_are_refused(image: SimpleITK.Image) -> None:
    with pytest.raises(InputError, match="one value a voxel"):
        Volume.from_sitk(image)


@settings(max_examples=15, deadline=None)
@given(seeds)
@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
def test_nrrd_and_metaimage_keep_the_place_to_a_nanometre(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, seed: int
) -> None:
    path = tmp_path_factory.mktemp("files") / f"scan{suffix}"
    assert distance_after_file(random_volume(seed), path) < 1e-6


@settings(max_examples=15, deadline=None)
@given(seeds)
def test_nifti_by_itk_keeps_the_place_to_five_hundredths_of_a_millimetre(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    """Its matrix has 32 bits, about 7 digits: a metre from the origin and 5 m wide, that is left."""
    assert distance_after_file(random_volume(seed), tmp_path_factory.mktemp("files") / "scan.nii.gz") < 5e-2


@settings(max_examples=15, deadline=None)
@given(seeds)
def test_nifti_with_a_matrix_of_32_bits_is_read_exactly(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    nibabel = pytest.importorskip("nibabel")
    path = tmp_path_factory.mktemp("files") / "scan.nii"
    affine = random_affine(seed, single_precision=True)
    nibabel.save(nibabel.Nifti1Image(np.zeros((5, 4, 3), np.int16), affine), path)
    assert np.array_equal(read_volume(path).ijk_to_ras, affine)


def distance_after_file(volume: Volume, path: Path) -> float:
    SimpleITK.WriteImage(volume.to_sitk(), str(path))
    back = read_volume(path)
    assert np.array_equal(back.array, volume.array)
    return float(np.abs(back.index_to_ras(corners) - volume.index_to_ras(corners)).max())
