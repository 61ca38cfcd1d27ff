from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate

from vistaseg.evaluate import Scores, area_under_curve, score


def cube(start: tuple[int, int, int] = (6, 6, 6), size: tuple[int, int, int] = (10, 10, 10)) -> np.ndarray:
    mask = np.zeros((24, 24, 24), bool)
    mask[tuple(slice(first, first + length) for first, length in zip(start, size, strict=True))] = True
    return mask


def test_the_truth_itself_is_perfect():
    assert score(cube(), cube(), (1, 1, 1)) == Scores(1.0, 1.0)


def test_nothing_is_worth_nothing():
    assert score(cube(), np.zeros((24, 24, 24), bool), (1, 1, 1)) == Scores(0.0, 0.0)


def test_what_is_elsewhere_is_worth_nothing():
    assert score(cube((0, 0, 0), (4, 4, 4)), cube((18, 18, 18), (4, 4, 4)), (1, 1, 1)) == Scores(0.0, 0.0)


def test_dice_counts_voxels():
    half = cube(size=(5, 10, 10))
    assert score(cube(), half, (1, 1, 1)).dice == pytest.approx(2 * 500 / 1500)


@pytest.mark.parametrize(("axis", "spacing"), [(0, (9, 9, 1.9)), (1, (9, 1.9, 9)), (2, (1.9, 9, 9))])
def test_surfaces_within_2_mm_agree_whatever_the_axis(axis, spacing):
    """The array is (k, j, i), the spacing along (i, j, k)."""
    moved = np.roll(cube(), 1, axis)
    assert score(cube(), moved, spacing).surface_dice == 1.0
    assert score(cube(), np.roll(moved, 1, axis), spacing).surface_dice < 0.8


def test_surfaces_count_by_area():
    """A block of 40 x 40 x 10 mm in voxels of 4 x 4 x 0.1 mm, answered 5 mm too high.

    Of the truth (4800 mm²) the top is wrong, of the answer (5600 mm²) the top and 3 mm of the sides: 3200 + 3520 are
    right but for the rims. Most voxels are those of the sides, which would make it 0.87.
    """
    block = np.zeros((170, 14, 14), bool)
    higher = block.copy()
    block[10:110, 2:12, 2:12] = True
    higher[10:160, 2:12, 2:12] = True
    assert score(block, higher, (4, 4, 0.1)).surface_dice == pytest.approx((3200 + 3520) / (4800 + 5600), abs=0.06)


def test_a_structure_at_the_border_of_the_volume_has_a_surface_there():
    whole = np.ones((8, 8, 8), bool)
    smaller = whole.copy()
    smaller[:, :, 4:] = False
    assert score(whole, whole, (1, 1, 1)) == Scores(1.0, 1.0)
    assert 0.3 < score(whole, smaller, (1, 1, 1)).surface_dice < 0.95


def test_it_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        score(cube(), np.roll(cube(), 1), (1, 1, 1))


def test_five_perfect_clicks_have_an_area_of_four():
    assert area_under_curve([1.0] * 5) == 4.0
    assert area_under_curve([0.5]) == 0.0


@given(st.lists(st.floats(0, 1), min_size=5, max_size=5))
@settings(max_examples=30)
def test_the_area_is_that_of_the_challenge(values):
    theirs = integrate.cumulative_trapezoid(np.array(values), np.arange(5))[-1]
    assert area_under_curve(values) == pytest.approx(theirs)
