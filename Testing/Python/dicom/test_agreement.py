"""Whether a volume still is that of its series."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import zoom

from vistaseg.dicom.agreement import require_agreement
from vistaseg.errors import InputError
from vistaseg.geometry.box import VoxelBox
from vistaseg.volume import Volume


def body() -> Volume:
    """A smooth scan, 9 x 10 x 8 voxels of 2 x 1 x 3 mm."""
    coarse = np.random.default_rng(1).normal(0, 500, (4, 5, 5))
    values = zoom(coarse, (2, 2, 1.8), order=1)[:8, :10, :9]
    affine = np.diag([-2.0, -1.0, 3.0, 1.0])
    affine[:3, 3] = [30, 40, -50]
    return Volume.from_array(values, affine, axes="kji", name="CT", modality="CT")


def turned(volume: Volume, order: list[int], flips: list[bool], crop: int) -> Volume:
    """The same voxels with the axes in another order and sense, less the first `crop` of each."""
    array, step, start = volume.array.transpose(2, 1, 0), np.eye(3), np.zeros(3)
    for axis, flip in enumerate(flips):
        if flip:
            array, step[axis, axis], start[axis] = np.flip(array, axis), -1, volume.shape_ijk[axis] - 1
    array = array[crop:, crop:, crop:].transpose(order)
    start += step @ np.full(3, crop)
    change = np.eye(4)
    change[:3, :3], change[:3, 3] = step[:, order], start
    return Volume.from_array(
        np.ascontiguousarray(array.transpose(2, 1, 0)), volume.ijk_to_ras @ change, axes="kji", name="CT"
    )


def check(volume: Volume, scan: Volume | None = None) -> tuple[str, ...]:
    series: Any = SimpleNamespace(volume=scan or body())
    return require_agreement(volume, series)


@given(order=st.permutations([0, 1, 2]), flips=st.lists(st.booleans(), min_size=3, max_size=3), crop=st.integers(0, 3))
def test_turned_and_cropped_volumes_keep_their_voxels(order, flips, crop):
    check(turned(body(), order, flips, crop))


@given(
    shift=st.lists(st.floats(-40, 40), min_size=3, max_size=3).filter(
        lambda shift: np.abs(np.array(shift) / [2, 1, 3]).max() > 0.6
    )
)
def test_a_moved_volume_is_refused(shift):
    affine = body().ijk_to_ras.copy()
    affine[:3, 3] += shift
    with pytest.raises(InputError, match="moved"):
        check(Volume.from_array(body().array, affine, axes="kji", name="CT"))


def test_slices_whose_distance_was_averaged_otherwise_are_the_same():
    affine = body().ijk_to_ras @ np.diag([1, 1, 1.004, 1])
    check(Volume.from_array(body().array, affine, axes="kji"))


def test_a_resampled_volume_is_taken():
    affine = body().ijk_to_ras @ np.diag([0.5, 0.5, 0.5, 1])
    check(Volume.from_array(zoom(body().array, 2, order=1, grid_mode=False), affine, axes="kji"))


def test_a_resampled_volume_of_something_else_is_refused():
    affine = body().ijk_to_ras @ np.diag([0.5, 0.5, 0.5, 1])
    other = np.random.default_rng(2).normal(0, 500, (16, 20, 18))
    with pytest.raises(InputError, match="does not show"):
        check(Volume.from_array(other, affine, axes="kji"))


def test_a_volume_beside_its_series_is_refused():
    affine = body().ijk_to_ras.copy()
    affine[:3, 3] += 500
    with pytest.raises(InputError, match="does not show"):
        check(Volume.from_array(body().array[1:], affine, axes="kji"))


AXES = st.lists(st.sampled_from([0, 1, 2]), min_size=1, max_size=3, unique=True)


@given(axes=AXES, crop=st.booleans())
def test_a_volume_whose_voxels_were_flipped_in_place_is_refused(axes, crop):
    """It occupies the grid of its series, and what is drawn on it would lie on the other side there."""
    flipped = np.flip(body().array, axes)
    part = flipped[2:] if crop else flipped
    affine = body().grid.cropped(VoxelBox((0, 0, 2), body().shape_ijk)).ijk_to_ras if crop else body().ijk_to_ras
    with pytest.raises(InputError, match="flipped or mirrored since it was loaded.*made from the volume"):
        check(Volume.from_array(part, affine, axes="kji", name="CT"))


@given(axis=st.sampled_from([0, 1, 2]))
def test_a_volume_that_was_mirrored_about_its_own_middle_is_refused(axis):
    change = np.eye(4)
    change[axis, axis], change[axis, 3] = -1, body().shape_ijk[axis] - 1
    with pytest.raises(InputError, match="flipped or mirrored"):
        check(Volume.from_array(body().array, body().ijk_to_ras @ change, axes="kji", name="CT"))


@given(axes=AXES)
def test_a_resampled_volume_that_was_mirrored_is_refused(axes):
    """Bodies are nearly alike on both sides: the mirror image correlates well, and the right one better."""
    array = body().array + 20 * body().array[:, :, ::-1] + 20 * body().array[:, ::-1] + 20 * body().array[::-1]
    alike = Volume.from_array(array, body().ijk_to_ras, axes="kji", modality="CT")
    affine = body().ijk_to_ras @ np.diag([0.5, 0.5, 0.5, 1])
    fine = zoom(alike.array, 2, order=1)
    assert check(Volume.from_array(fine, affine, axes="kji"), alike) == ()
    with pytest.raises(InputError, match="does not show"):
        check(Volume.from_array(np.flip(fine, axes), affine, axes="kji"), alike)


def test_values_are_the_same_within_rounding_and_padding():
    values = body().array.round()
    values[:, :, 0] = -1000.0
    scan = Volume.from_array(values, body().ijk_to_ras, axes="kji", modality="CT")
    padded = values + 0.5
    padded[:, :, 0] = -3024
    assert check(Volume.from_array(padded, scan.ijk_to_ras, axes="kji"), scan) == ()


def test_a_shift_of_all_values_is_refused():
    with pytest.raises(InputError, match="have other values"):
        check(Volume.from_array(body().array + 100, body().ijk_to_ras, axes="kji"))


def test_a_few_edited_voxels_are_told():
    scan = Volume.from_array(np.tile(body().array, (1, 1, 8)), body().ijk_to_ras, axes="kji", modality="CT")
    edited = scan.array.copy()
    edited[3, 4, 5:7] = 3000
    (note,) = check(Volume.from_array(edited, scan.ijk_to_ras, axes="kji", name="CT"), scan)
    assert note.startswith("2 voxels of CT have other values")


def test_uptake_values_are_those_of_their_series_and_flipped_ones_are_not():
    scan = Volume.from_array(body().array, body().ijk_to_ras, axes="kji", modality="PT")
    assert check(Volume.from_array(scan.array * 0.013, scan.ijk_to_ras, axes="kji"), scan) == ()
    with pytest.raises(InputError, match="flipped or mirrored"):
        check(Volume.from_array(scan.array[:, :, ::-1] * 0.013, scan.ijk_to_ras, axes="kji"), scan)
