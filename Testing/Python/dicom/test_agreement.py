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


def check(volume: Volume) -> None:
    series: Any = SimpleNamespace(volume=body())
    require_agreement(volume, series)


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
