from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytest

from vistaseg.geometry.box import VoxelBox
from vistaseg.volume import Volume, read_volume
from vistaseg.volume.prepare import GridMap, Prepared, prepare

SPACING = (1.5, 1.5, 1.5)


class SharedData(Protocol):
    def __call__(self, relative_path: str) -> Path: ...


def random_volume(seed: int, oblique: bool = True) -> Volume:
    """Air around white noise, on a flipped, permuted and anisotropic grid whose ratio to 1.5 mm is odd."""
    random = np.random.default_rng(seed)
    turn = np.linalg.qr(random.normal(size=(3, 3)))[0] if oblique else np.eye(3)[:, random.permutation(3)]
    affine = np.eye(4)
    affine[:3, :3] = turn * random.choice([-1, 1], 3) * random.uniform(0.4, 4, 3)
    affine[:3, 3] = random.uniform(-300, 300, 3)
    array = np.full(random.integers(30, 60, 3), -1000, np.int16)
    array[20:-5, 14:-12, 15:-4] = random.integers(-500, 1000, array[20:-5, 14:-12, 15:-4].shape)
    return Volume.from_array(array, affine, axes="kji")


def monai_round_trip(volume: Volume, labels_of: Any) -> tuple[Any, np.ndarray]:
    """MONAI's prepared image, and labels made of it brought back to the original grid, (k, j, i)."""
    torch, monai_data = pytest.importorskip("torch"), pytest.importorskip("monai.data")
    from monai.transforms import Compose, CropForegroundd, Invertd, Orientationd, Spacingd

    steps = Compose(
        [
            Spacingd("image", pixdim=SPACING, mode="bilinear"),
            CropForegroundd("image", source_key="image", allow_smaller=True, margin=10),
            Orientationd("image", axcodes="RAS", labels=(("L", "R"), ("P", "A"), ("I", "S"))),
        ]
    )
    channel_first = np.array(volume.array.transpose(2, 1, 0)[None], dtype=np.float32)
    affine = torch.from_numpy(volume.ijk_to_ras.copy())
    image = steps({"image": monai_data.MetaTensor(torch.from_numpy(channel_first), affine=affine)})["image"]
    labels = monai_data.MetaTensor(torch.from_numpy(labels_of(image.numpy()[0])[None]), affine=image.affine)
    labels.applied_operations = image.applied_operations
    invert = Invertd("labels", transform=steps, orig_keys="image", nearest_interp=True, to_tensor=True)
    back = invert({"labels": labels, "image": image})["labels"]
    return image, back.numpy()[0].transpose(2, 1, 0)


def random_labels(like: np.ndarray) -> np.ndarray:
    return np.random.default_rng(0).integers(1, 100, like.shape).astype(np.float32)


def banded_labels(like: np.ndarray) -> np.ndarray:
    return np.clip(like // 50, 0, 100).astype(np.float32)


def assert_like_monai(volume: Volume, labels_of: Any) -> None:
    image, their_labels = monai_round_trip(volume, labels_of)
    prepared = prepare(volume, SPACING)
    assert prepared.array.shape == tuple(image.shape[1:])
    assert np.abs(prepared.array - image.numpy()[0]).max() < 1e-3
    assert np.abs(prepared.ijk_to_ras - image.affine.numpy()).max() < 1e-6
    our_labels = prepared.back.label_map(labels_of(prepared.array))
    assert our_labels.shape == volume.array.shape
    assert (our_labels == their_labels).mean() >= 0.9999


@pytest.mark.parametrize("oblique", [True, False])
@pytest.mark.parametrize("seed", range(6))
def test_preparing_and_going_back_equal_monai(seed: int, oblique: bool) -> None:
    assert_like_monai(random_volume(seed, oblique), random_labels)


def test_preparing_and_going_back_equal_monai_on_a_real_ct(shared_data: SharedData) -> None:
    assert_like_monai(read_volume(shared_data("totalsegmentator/example_ct_sm.nii.gz")), banded_labels)


def test_at_half_the_spacing_labels_differ_from_monai_only_halfway_between_voxels() -> None:
    """There PyTorch's answer hangs on the last bit; ours is the even neighbour."""
    values = np.random.default_rng(1).integers(1, 1000, (40, 40, 40))
    volume = Volume.from_array(values, np.diag([0.75, 0.75, 0.75, 1.0]), axes="kji")
    _, theirs = monai_round_trip(volume, random_labels)
    ours = prepare(volume, SPACING).back.label_map(random_labels(np.empty((20, 20, 20))))
    assert np.array_equal(ours[::2, ::2, ::2], theirs[::2, ::2, ::2])


def test_the_array_is_contiguous_float32_in_ras_order() -> None:
    prepared = prepare(random_volume(1, oblique=False), SPACING)
    assert prepared.array.dtype == np.float32 and prepared.array.flags.c_contiguous
    assert prepared.array.flags.writeable
    assert prepared.grid.orientation == "RAS" and prepared.grid.shape_ijk == prepared.array.shape
    assert np.allclose(prepared.grid.spacing, SPACING)


def test_the_spacing_is_given_in_ras_order_whatever_the_storage() -> None:
    affine = np.array([[0, 0, 1.0, 0], [-1.0, 0, 0, 0], [0, -1.0, 0, 0], [0, 0, 0, 1]])
    volume = Volume.from_array(np.ones((12, 12, 12)), affine, axes="kji")
    assert volume.orientation == "PIR"
    assert np.allclose(prepare(volume, (1, 2, 3)).grid.spacing, (1, 2, 3))


STORAGES = ["RAS", "LPS", "LAS", "PIR"]


def phantom(storage: str) -> Volume:
    """A body with a lump on the patient's left, in front and above: RAS about (-20, 15, 25) mm."""
    affine = np.eye(4)
    affine[:3, :3] = 0
    for column, letter in enumerate(storage):
        row = "RASLPI".index(letter) % 3
        affine[row, column] = 2.0 if letter in "RAS" else -2.0
    affine[:3, 3] = -affine[:3, :3] @ [19.5, 19.5, 19.5]
    k, j, i = np.mgrid[:40, :40, :40]
    ras = Volume.from_array(np.zeros((1, 1, 1)), affine, axes="kji").index_to_ras(
        np.stack([i, j, k], axis=-1).reshape(-1, 3)
    )
    values = np.full(len(ras), -1000, np.int16)
    values[np.abs(ras).max(axis=1) < 35] = 40
    values[np.linalg.norm(ras - [-20, 15, 25], axis=1) < 6] = 900
    return Volume.from_array(values.reshape(40, 40, 40), affine, axes="kji")


@pytest.mark.parametrize("storage", STORAGES)
def test_left_is_left_however_the_scan_is_stored(storage: str) -> None:
    volume = phantom(storage)
    assert volume.orientation == storage
    prepared = prepare(volume, SPACING)
    centre = prepared.grid.index_to_ras(np.argwhere(prepared.array > 500)).mean(axis=0)
    assert np.abs(centre - [-20, 15, 25]).max() < 0.5


@pytest.mark.parametrize("storage", STORAGES)
def test_a_label_comes_back_to_the_voxels_it_was_made_from(storage: str) -> None:
    volume = phantom(storage)
    prepared = prepare(volume, SPACING)
    lump = prepared.back.label_map((prepared.array > 470).astype(np.uint8)).astype(bool)
    truth = volume.array == 900
    assert 2 * (lump & truth).sum() / (lump.sum() + truth.sum()) > 0.9


def test_every_storage_is_prepared_to_the_same_array() -> None:
    first, *others = (prepare(phantom(storage), (2, 2, 2)) for storage in STORAGES)
    for other in others:
        assert np.array_equal(other.array, first.array)
        assert np.allclose(other.ijk_to_ras, first.ijk_to_ras)


def test_what_was_cropped_away_comes_back_as_zero() -> None:
    volume = phantom("LPS")
    prepared = prepare(volume, SPACING, margin=0)
    back = prepared.back.label_map(np.ones(prepared.array.shape, np.uint8))
    assert back[20, 20, 20] == 1
    assert not back[0].any() and not back[:, 0].any() and not back[:, :, -1].any()
    assert back[volume.array > 0].all()


def test_a_volume_without_foreground_is_kept_whole() -> None:
    volume = Volume.from_array(np.full((20, 20, 20), -500), np.diag([3.0, 3, 3, 1]), axes="kji")
    assert prepare(volume, (3, 3, 3)).array.shape == (20, 20, 20)


def test_without_a_threshold_nothing_is_cropped() -> None:
    assert prepare(phantom("RAS"), (2, 2, 2), foreground_threshold=None).array.shape == (40, 40, 40)


@pytest.fixture
def prepared() -> Prepared:
    return prepare(random_volume(2), SPACING)


def test_a_slab_is_that_part_of_the_whole_label_map(prepared: Prepared) -> None:
    labels = random_labels(prepared.array)
    whole = prepared.back.label_map(labels)
    assert np.array_equal(prepared.back.gather(labels), whole)
    assert np.array_equal(prepared.back.gather(labels, slice(5, 19)), whole[5:19])
    part = prepared.back.gather(labels, slice(0, 3), slice(10, 30), slice(4, 5))
    assert np.array_equal(part, whole[0:3, 10:30, 4:5])


def test_labels_keep_their_type_on_the_way_back(prepared: Prepared) -> None:
    assert prepared.back.label_map(np.ones(prepared.array.shape, np.uint16)).dtype == np.uint16
    assert prepared.back.gather(np.ones(prepared.array.shape, bool), slice(0, 2)).dtype == bool


@pytest.mark.parametrize("seed", range(5))
def test_the_extent_of_a_mask_is_that_of_the_mask_brought_back(seed: int) -> None:
    prepared = prepare(random_volume(seed), SPACING)
    mask = np.zeros(prepared.array.shape, bool)
    mask[5:12, 8:20, 9:16] = True
    found = np.argwhere(prepared.back.label_map(mask))[:, ::-1]
    assert prepared.back.box_of_mask(mask) == VoxelBox(tuple(found.min(axis=0)), tuple(found.max(axis=0) + 1))
    assert prepared.back.box(VoxelBox((5, 8, 9), (12, 20, 16))) == prepared.back.box_of_mask(mask)


def test_an_empty_mask_has_no_extent(prepared: Prepared) -> None:
    assert prepared.back.box_of_mask(np.zeros(prepared.array.shape, bool)).empty


def test_a_box_between_the_original_voxels_has_no_extent() -> None:
    lookup = np.array([0, 2, 4])
    back = GridMap((0, 1, 2), (lookup, lookup, lookup))
    assert back.box(VoxelBox((1, 0, 0), (2, 4, 4))).empty


@pytest.mark.parametrize("storage", STORAGES)
def test_a_mask_goes_to_the_prepared_grid_and_comes_back(storage: str) -> None:
    volume = phantom(storage)
    prepared = prepare(volume, SPACING)
    mask = volume.array == 900
    there = prepared.from_original(mask)
    assert there.shape == prepared.array.shape and there.flags.c_contiguous
    centre = prepared.grid.index_to_ras(np.argwhere(there)).mean(axis=0)
    assert np.abs(centre - [-20, 15, 25]).max() < 0.5
    assert np.array_equal(prepared.back.label_map(there), mask)
