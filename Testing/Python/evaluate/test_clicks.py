from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from vistaseg.evaluate import next_click

SHAPES = st.tuples(*[st.integers(1, 7)] * 3)
PAIRS = SHAPES.flatmap(lambda shape: st.tuples(arrays(bool, shape), arrays(bool, shape)))
SPACINGS = st.tuples(*[st.floats(0.3, 6.0)] * 3)
FLIPS = st.tuples(*[st.sampled_from([1, -1])] * 3)


def block(shape: tuple[int, int, int], *boxes: tuple[slice, slice, slice]) -> np.ndarray:
    mask = np.zeros(shape, bool)
    for box in boxes:
        mask[box] = True
    return mask


def depth_of(component: np.ndarray, spacing: tuple[float, float, float]) -> np.ndarray:
    """Distance of each voxel (k, j, i) to the nearest one outside, by trying them all."""
    padded = np.pad(component, 1)
    step = np.array(spacing[::-1])
    outside = np.argwhere(~padded) * step
    depth = np.zeros(padded.shape)
    for index in np.argwhere(padded):
        depth[tuple(index)] = np.sqrt(((outside - index * step) ** 2).sum(axis=1).min())
    return depth[1:-1, 1:-1, 1:-1]


@given(pair=PAIRS, spacing=SPACINGS)
def test_it_is_the_deepest_voxel_of_a_largest_component_of_the_error_with_the_sign_of_the_truth(pair, spacing):
    truth, prediction = pair
    assume((truth != prediction).any())
    click = next_click(truth, prediction, spacing)
    assert click is not None
    (i, j, k), positive = click
    components, _ = ndimage.label(truth != prediction, np.ones((3, 3, 3)))
    sizes = np.bincount(components.ravel())[1:]
    own = components[k, j, i]
    assert own > 0 and sizes[own - 1] == sizes.max()
    depth = depth_of(components == own, spacing)
    assert depth[k, j, i] == pytest.approx(depth.max())
    assert (positive, not positive) == (truth[k, j, i], prediction[k, j, i])


@given(pair=PAIRS, spacing=SPACINGS, flips=FLIPS, order=st.permutations(range(3)))
@settings(max_examples=50)
def test_flipped_and_permuted_views_are_clicked_as_copies_of_them_are(pair, spacing, flips, order):
    truth, prediction = (array[tuple(slice(None, None, f) for f in flips)].transpose(order) for array in pair)
    assert next_click(truth, prediction, spacing) == next_click(truth.copy(), prediction.copy(), spacing)


@given(pair=PAIRS, spacing=SPACINGS, flips=FLIPS)
@settings(max_examples=50)
def test_a_flipped_case_is_clicked_as_deep(pair, spacing, flips):
    turn = tuple(slice(None, None, f) for f in flips)
    clicks = [next_click(truth, prediction, spacing) for truth, prediction in (pair, [a[turn] for a in pair])]
    assume(clicks[0] is not None)
    components, count = ndimage.label(pair[0] != pair[1], np.ones((3, 3, 3)))
    assume(count == 1)
    depth = depth_of(components == 1, spacing)
    (i, j, k), (x, y, z) = clicks[0][0], clicks[1][0]
    assert depth[turn][z, y, x] == pytest.approx(depth[k, j, i])


@given(truth=SHAPES.flatmap(lambda shape: arrays(bool, shape)))
def test_where_all_is_right_there_is_no_click(truth):
    assert next_click(truth, truth.copy(), (1, 1, 1)) is None


@given(pair=PAIRS, spacing=SPACINGS)
@settings(max_examples=50)
def test_mending_voxel_by_voxel_comes_to_an_end(pair, spacing):
    truth, prediction = pair[0], pair[1].copy()
    wrong = int((truth != prediction).sum())
    for _ in range(wrong):
        (i, j, k), positive = next_click(truth, prediction, spacing)
        prediction[k, j, i] = positive
    assert next_click(truth, prediction, spacing) is None


def test_the_first_click_is_in_the_middle_of_what_is_missed():
    truth = block((9, 11, 13), np.s_[2:7, 3:8, 4:11])
    truth[4, 5, 5:10] = True
    (i, j, k), positive = next_click(truth, np.zeros_like(truth), (1, 1, 1))
    assert positive and (j, k) == (5, 4) and 6 <= i <= 8


def test_false_foreground_is_clicked_negative():
    prediction = block((9, 9, 9), np.s_[2:7, 2:7, 2:7])
    assert next_click(np.zeros_like(prediction), prediction, (1, 1, 1)) == ((4, 4, 4), False)


def test_the_larger_error_comes_first_though_another_is_deeper():
    missed, extra = np.s_[1:2, 1:19, 1:19], np.s_[10:15, 10:15, 10:15]
    truth, prediction = block((20, 20, 20), missed), block((20, 20, 20), extra)
    (_, _, k), positive = next_click(truth, prediction, (1, 1, 1))
    assert positive and k == 1
    (i, j, k), positive = next_click(truth & False, prediction, (1, 1, 1))
    assert not positive and (i, j, k) == (12, 12, 12)


def test_corners_that_touch_are_one_component():
    """Two blocks of 27 voxels that touch at a corner outweigh one of 40."""
    truth = block((12, 12, 12), np.s_[0:3, 0:3, 0:3], np.s_[3:6, 3:6, 3:6], np.s_[9:11, 4:8, 4:9])
    (_, _, k), _ = next_click(truth, np.zeros_like(truth), (1, 1, 1))
    assert k < 6


def test_depth_counts_in_mm():
    """A plate of 3 slices of 5 mm, 9 voxels of 1 mm wide, has its depth across the voxels, not across the slices."""
    truth = block((5, 20, 20), np.s_[1:4, 5:14, 5:14])
    (i, j, k), _ = next_click(truth, np.zeros_like(truth), (1, 1, 5))
    assert (i, j) == (9, 9)
    edge = block((5, 20, 30), np.s_[1:4, 5:14, 5:24])
    (i, j, k), _ = next_click(edge, np.zeros_like(edge), (1, 1, 0.1))
    assert k == 2


def test_the_border_of_the_volume_is_a_border():
    truth = np.ones((5, 5, 5), bool)
    assert next_click(truth, np.zeros_like(truth), (1, 1, 1)) == ((2, 2, 2), True)


def test_of_equals_the_first_in_the_array_is_clicked():
    truth = block((7, 7, 7), np.s_[1:2, 1:2, 1:2], np.s_[5:6, 5:6, 5:6])
    assert next_click(truth, np.zeros_like(truth), (1, 1, 1)) == ((1, 1, 1), True)
    assert next_click(np.zeros_like(truth), truth, (1, 1, 1)) == ((1, 1, 1), False)
