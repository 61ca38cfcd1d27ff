from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytest

from vistaseg.errors import InputError
from vistaseg.geometry.box import VoxelBox
from vistaseg.geometry.grid import Grid
from vistaseg.volume import (
    Volume,
    crop,
    foreground_box,
    nearest_index_maps,
    read_volume,
    reorient,
    resample_to_spacing,
)

Spacing = tuple[float, float, float]


class SharedData(Protocol):
    def __call__(self, relative_path: str) -> Path: ...


def random_volume(seed: int, oblique: bool = True, spacing: Spacing | None = None) -> Volume:
    """White noise, the hardest image to interpolate, on a flipped, permuted and anisotropic grid."""
    random = np.random.default_rng(seed)
    turn = np.linalg.qr(random.normal(size=(3, 3)))[0] if oblique else np.eye(3)[:, random.permutation(3)]
    affine = np.eye(4)
    affine[:3, :3] = turn * random.choice([-1, 1], 3) * (spacing or random.uniform(0.4, 4, 3))
    affine[:3, 3] = random.uniform(-300, 300, 3)
    shape = random.integers(2, 40, 3)
    if seed % 2:
        return Volume.from_array(random.integers(-1000, 3000, shape).astype(np.int16), affine, axes="kji")
    return Volume.from_array(random.normal(0, 1000, shape).astype(np.float32), affine, axes="kji")


def monai_spacing(volume: Volume, spacing: Spacing) -> Any:
    torch, monai_data = pytest.importorskip("torch"), pytest.importorskip("monai.data")
    from monai.transforms import Spacing as MonaiSpacing

    channel_first = np.array(volume.array.transpose(2, 1, 0)[None], dtype=np.float32)
    image = monai_data.MetaTensor(torch.from_numpy(channel_first), affine=torch.from_numpy(volume.ijk_to_ras.copy()))
    return MonaiSpacing(pixdim=spacing, mode="bilinear")(image)


def assert_like_monai(volume: Volume, spacing: Spacing, hu: float = 1e-3, mm: float = 1e-9) -> None:
    theirs = monai_spacing(volume, spacing)
    ours = resample_to_spacing(volume, spacing)
    assert ours.shape_ijk == tuple(theirs.shape[1:])
    assert np.abs(ours.ijk_to_ras - theirs.affine.numpy()).max() < mm
    assert ours.array.dtype == np.float32
    assert np.abs(ours.array.transpose(2, 1, 0) - theirs.numpy()[0]).max() < hu


@pytest.mark.parametrize("oblique", [True, False])
@pytest.mark.parametrize("seed", range(12))
def test_resampling_equals_monai_on_any_grid(seed: int, oblique: bool) -> None:
    assert_like_monai(random_volume(seed, oblique), (1.5, 1.5, 1.5))


@pytest.mark.parametrize("spacing", [(0.75, 0.75, 3.0), (0.5, 0.3, 1.0), (3.0, 3.0, 3.0), (1.5, 0.7, 5.0)])
def test_resampling_equals_monai_at_simple_ratios(spacing: Spacing) -> None:
    for seed in range(4):
        assert_like_monai(random_volume(seed, False, spacing), (1.5, 1.5, 1.5))


@pytest.mark.parametrize("spacing", [(1.501, 1.4986, 1.5005), (1.5011, 1.5, 1.5), (1.502, 1.498, 1.5)])
@pytest.mark.parametrize("oblique", [True, False])
def test_a_spacing_that_monai_takes_as_equal_is_left_alone_by_both(spacing: Spacing, oblique: bool) -> None:
    for seed in range(4):
        assert_like_monai(random_volume(seed, oblique, spacing), (1.5, 1.5, 1.5))


@pytest.mark.parametrize("seed", range(8))
def test_resampling_follows_monai_where_the_matrix_is_rounded_to_32_bits(seed: int) -> None:
    """Then MONAI centres the grid, and its axes differ by the rounding: white noise shows it."""
    volume = random_volume(seed)
    rounded = Volume.from_array(volume.array, volume.ijk_to_ras.astype(np.float32).astype(np.float64), axes="kji")
    assert_like_monai(rounded, (1.5, 1.5, 1.5), hu=0.1, mm=1e-5)


def test_resampling_to_different_spacings_equals_monai() -> None:
    assert_like_monai(random_volume(3), (0.8, 1.5, 2.5))


def test_resampling_of_a_real_ct_equals_monai(shared_data: SharedData) -> None:
    volume = read_volume(shared_data("totalsegmentator/example_ct_sm.nii.gz"))
    assert_like_monai(volume, (1.5, 1.5, 1.5))


def test_a_linear_ramp_stays_a_linear_ramp_in_the_patient() -> None:
    ramp = np.broadcast_to(np.arange(20.0), (6, 8, 20))
    volume = Volume.from_array(ramp, np.diag([2.0, 1.0, 1.0, 1.0]), axes="kji")
    fine = resample_to_spacing(volume, (0.5, 1, 1))
    x = fine.index_to_ras([[i, 0, 0] for i in range(fine.shape_ijk[0])])[:, 0]
    assert np.allclose(fine.array[0, 0], np.clip(x / 2.0, 0, 19))


def test_the_original_is_not_changed_by_resampling_to_its_own_spacing() -> None:
    volume = Volume.from_array(np.ones((3, 3, 3), np.float32), np.eye(4), axes="kji")
    same = resample_to_spacing(volume, (1, 1, 1))
    assert np.array_equal(same.array, volume.array) and np.array_equal(same.ijk_to_ras, volume.ijk_to_ras)


@pytest.mark.parametrize("spacing", [(0, 1, 1), (1, -1, 1), (1, 1), (np.nan, 1, 1)])
def test_a_spacing_that_is_not_three_positive_numbers_is_refused(spacing: Spacing) -> None:
    with pytest.raises(InputError, match="three positive numbers"):
        resample_to_spacing(random_volume(0), spacing)


def test_shear_is_refused_by_resampling() -> None:
    sheared = np.eye(4)
    sheared[0, 1] = 0.2
    with pytest.raises(InputError, match="resampling needs"):
        resample_to_spacing(Volume.from_array(np.zeros((3, 3, 3)), sheared, axes="kji"), (2, 2, 2))


@pytest.mark.parametrize("wanted", ["RAS", "LPS", "PIR", "SAL"])
@pytest.mark.parametrize("seed", range(4))
def test_turning_keeps_every_voxel_where_it_was(seed: int, wanted: str) -> None:
    volume = random_volume(seed, oblique=False)
    turned = reorient(volume, wanted)
    assert turned.orientation == wanted
    for ijk in np.random.default_rng(seed).integers(0, np.array(volume.shape_ijk), (10, 3)):
        i, j, k = np.rint(turned.ras_to_index(volume.index_to_ras([ijk]))[0]).astype(int)
        assert turned.array[k, j, i] == volume.array[ijk[2], ijk[1], ijk[0]]


@pytest.mark.parametrize("seed", range(4))
def test_turning_back_restores_an_oblique_volume(seed: int) -> None:
    volume = random_volume(seed)
    back = reorient(reorient(volume, "RAS"), volume.orientation)
    assert np.array_equal(back.array, volume.array)
    assert np.abs(back.ijk_to_ras - volume.ijk_to_ras).max() < 1e-9


def test_turning_copies_no_voxels() -> None:
    volume = random_volume(1)
    assert np.shares_memory(reorient(volume, "PIR").array, volume.array)


@pytest.mark.parametrize("code", ["RAX", "RRS", "RA", "RLS", "ras"])
def test_what_is_no_orientation_is_refused(code: str) -> None:
    with pytest.raises(InputError, match="not an orientation"):
        reorient(random_volume(0), code)


def test_a_crop_takes_its_voxels_and_their_place() -> None:
    volume = random_volume(5)
    part = crop(volume, VoxelBox((1, 0, 2), (3, 2, 4)))
    assert np.array_equal(part.array, volume.array[2:4, 0:2, 1:3])
    assert np.allclose(part.index_to_ras([[0, 0, 0]]), volume.index_to_ras([[1, 0, 2]]))


@pytest.mark.parametrize(("start", "stop"), [((0, 0, 0), (5, 1, 1)), ((-1, 0, 0), (1, 1, 1)), ((1, 1, 1), (1, 2, 2))])
def test_a_crop_outside_the_volume_or_without_voxels_is_refused(start: Any, stop: Any) -> None:
    with pytest.raises(InputError, match="does not lie in"):
        crop(Volume.from_array(np.zeros((2, 3, 4)), np.eye(4), axes="kji"), VoxelBox(start, stop))


def test_the_foreground_is_widened_only_within_the_volume() -> None:
    array = np.full((30, 40, 50), -1000)
    array[3, 20:22, 45] = 1
    volume = Volume.from_array(array, np.eye(4), axes="kji")
    assert foreground_box(volume, 0, 0) == VoxelBox((45, 20, 3), (46, 22, 4))
    assert foreground_box(volume, 0, 10) == VoxelBox((35, 10, 0), (50, 32, 14))


def test_the_threshold_itself_is_not_foreground() -> None:
    assert foreground_box(Volume.from_array(np.zeros((3, 3, 3)), np.eye(4), axes="kji"), 0, 10) is None


def test_nearest_maps_find_the_closest_voxel_and_tell_what_is_outside() -> None:
    source, target = Grid((4, 4, 4), np.diag([3.0, 1, 1, 1])), Grid((14, 1, 4), np.eye(4))
    i, j, k = nearest_index_maps(source, target)
    assert i.tolist() == [0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, -1, -1, -1]
    assert (j.tolist(), k.tolist()) == ([0], [0, 1, 2, 3])


def test_nearest_maps_round_halves_to_even_and_can_clamp() -> None:
    source, target = Grid((4, 1, 1), np.diag([2.0, 1, 1, 1])), Grid((10, 1, 1), np.eye(4))
    assert nearest_index_maps(source, target, clamp=True)[0].tolist() == [0, 0, 1, 2, 2, 2, 3, 3, 3, 3]
