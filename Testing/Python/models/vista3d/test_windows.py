from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from monai.data.utils import dense_patch_slices

from vistaseg.geometry.box import VoxelBox
from vistaseg.models.vista3d.configuration import Vista3dConfiguration
from vistaseg.models.vista3d.windows import cut_window, holds_only_air, plan_windows

SIDES = st.tuples(*[st.integers(1, 70)] * 3)
CONFIGURATION = Vista3dConfiguration(window=(32, 16, 32))


@given(SIDES)
def test_windows_over_a_whole_image_cover_every_voxel(size: tuple[int, int, int]) -> None:
    plan = plan_windows(size, CONFIGURATION)
    seen = np.zeros(size, bool)
    for window in plan.windows:
        seen[window.intersection(VoxelBox.whole(size)).slices] = True
    assert seen.all()
    assert all(window.shape == CONFIGURATION.window for window in plan.windows)


@given(SIDES, st.data())
def test_windows_over_a_region_cover_it_and_stay_in_the_image(size: tuple[int, int, int], data: st.DataObject) -> None:
    start = tuple(data.draw(st.integers(0, n - 1)) for n in size)
    stop = tuple(data.draw(st.integers(a + 1, n)) for a, n in zip(start, size, strict=True))
    plan = plan_windows(size, CONFIGURATION, VoxelBox(start, stop))
    seen = np.zeros(size, bool)
    for window in plan.windows:
        seen[window.intersection(VoxelBox.whole(size)).slices] = True
        for axis, (a, b, n, w) in enumerate(zip(window.start, window.stop, size, CONFIGURATION.window, strict=True)):
            assert n < w or (a >= 0 and b <= n), axis
    assert seen[plan.region.slices].all()
    assert (plan.region.start, plan.region.stop) == (start, stop)


def test_windows_are_those_of_monai() -> None:
    size = (267, 130, 433)
    plan = plan_windows(size, Vista3dConfiguration())
    expected = dense_patch_slices(size, (128, 128, 128), (96, 96, 96))
    starts = {tuple(int(part.start) for part in slices) for slices in expected}
    assert {window.start for window in plan.windows} == starts


def test_a_region_no_larger_than_a_window_costs_one_window() -> None:
    plan = plan_windows((300, 300, 300), Vista3dConfiguration(), VoxelBox((90, 90, 90), (218, 200, 150)))
    assert len(plan.windows) == 1


def test_windows_advance_along_the_longest_axis() -> None:
    plan = plan_windows((40, 90, 50), CONFIGURATION)
    starts = [window.start[1] for window in plan.windows]
    assert plan.slab_axis == 1
    assert starts == sorted(starts)


def test_a_window_beyond_the_image_is_filled_with_the_nearest_voxel_where_that_is_the_rule() -> None:
    image = torch.arange(1.0, 4.0).reshape(3, 1, 1)
    window = cut_window(image, VoxelBox((-1, 0, 0), (5, 1, 1)), "replicate")
    assert window.flatten().tolist() == [1, 1, 2, 3, 3, 3]


def test_a_window_beyond_the_image_is_filled_with_zeros_on_both_sides() -> None:
    image = torch.ones(4, 6, 8)
    cut = cut_window(image, VoxelBox((-2, 0, -4), (6, 6, 12)))[0, 0]
    assert cut.shape == (8, 6, 16)
    assert cut.sum() == image.sum()
    assert cut[2:6, :, 4:12].eq(1).all()


@pytest.mark.parametrize(("value", "only_air"), [(0.02, True), (0.05, True), (0.06, False)])
def test_a_single_voxel_above_the_level_makes_a_window_worth_encoding(value: float, only_air: bool) -> None:
    image = torch.zeros(20, 20, 20)
    image[11, 3, 4] = value
    assert holds_only_air(image, VoxelBox.whole((16, 16, 16)), 0.05) is only_air
    assert holds_only_air(image, VoxelBox((12, 0, 0), (28, 16, 16)), 0.05)
