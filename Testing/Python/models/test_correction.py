"""A click changes what it touches, and nothing else."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage

from vistaseg.models.correction import (
    NEAREST,
    VoxelClick,
    near_click,
    recognises,
    touched_change,
    with_rim,
)

SHAPE = (6, 5, 7)
masks = arrays.arrays(bool, SHAPE)
clicks = st.builds(VoxelClick, st.tuples(*(st.integers(0, n - 1) for n in SHAPE)), st.booleans())


def parts_of(before, after):
    """What is added and what is removed."""
    return after & ~before, before & ~after


@given(masks, masks, st.lists(clicks, min_size=1, max_size=4))
@settings(max_examples=200, deadline=None)
def test_only_components_of_the_difference_near_a_click_change(before, after, asked):
    added, removed = parts_of(before, touched_change(before, after, asked))
    assert not (added & ~after).any()
    assert not (removed & after).any()
    for part, positive in ((added, True), (removed, False)):
        components, count = ndimage.label(part, np.ones((3, 3, 3)))
        wanted = [click for click in asked if click.positive == positive]
        near = np.zeros(SHAPE, bool)
        for click in wanted:
            near[tuple(slice(max(p - 1, 0), p + 2) for p in click.index)] = True
        if positive:
            # Behind a click inside the mask, what is added hangs together with it through the mask.
            linked, _ = ndimage.label(after, np.ones((3, 3, 3)))
            reached = np.isin(linked, np.unique(linked[near & after]))
            assert not (part & ~reached).any()
        else:
            assert all((near & (components == n)).any() for n in range(1, count + 1))


@given(masks, masks, clicks)
@settings(max_examples=100, deadline=None)
def test_the_clicked_voxel_becomes_what_the_network_says_of_it(before, after, click):
    changed = touched_change(before, after, [click])
    if click.positive and after[click.index]:
        assert changed[click.index]
    if not click.positive and not after[click.index]:
        assert not changed[click.index]


@given(masks, clicks)
def test_no_difference_no_change(mask, click):
    assert np.array_equal(touched_change(mask, mask, [click]), mask)


def test_a_positive_click_outside_adds_its_own_part_and_not_the_other():
    before, after = np.zeros((9, 3, 3), bool), np.zeros((9, 3, 3), bool)
    after[0:2], after[6:9] = True, True
    changed = touched_change(before, after, [VoxelClick((7, 1, 1), True)])
    assert changed[6:9].all()
    assert not changed[:6].any()


def test_a_positive_click_in_the_mask_adds_what_hangs_together_with_it():
    before, after = np.zeros((9, 3, 3), bool), np.zeros((9, 3, 3), bool)
    before[0:3], after[0:6], after[8] = True, True, True
    changed = touched_change(before, after, [VoxelClick((1, 1, 1), True)])
    assert changed[3:6].all()
    assert not changed[8].any()


def test_a_negative_click_never_adds_and_a_positive_one_never_removes():
    before, after = np.zeros((4, 3, 3), bool), np.zeros((4, 3, 3), bool)
    before[0:2], after[2:4] = True, True
    assert not (touched_change(before, after, [VoxelClick((0, 0, 0), False)]) & ~before).any()
    assert not (before & ~touched_change(before, after, [VoxelClick((3, 0, 0), True)])).any()


@given(masks, masks)
@settings(max_examples=100, deadline=None)
def test_the_rim_of_what_is_removed_touches_nothing_that_stays(before, chosen):
    removed = before & chosen
    stays = before & ~removed
    rim = with_rim(removed, before) & ~removed
    touching = np.ones((3, 3, 3), bool)
    assert not (rim & ndimage.binary_dilation(stays, touching)).any()
    assert np.array_equal(
        rim, ndimage.binary_dilation(removed, touching) & ~removed & ~ndimage.binary_dilation(stays, touching)
    )


def test_an_answer_that_holds_too_little_of_a_mask_is_not_about_it():
    mask = np.zeros((8, 1, 1), bool)
    mask[:4] = True
    found = np.zeros_like(mask)
    found[1:8] = True
    assert recognises(found, mask)
    found[1] = False
    assert not recognises(found, mask)
    assert recognises(~mask, np.zeros_like(mask))


@given(masks, clicks)
def test_what_is_near_a_click_reaches_the_surface_and_no_further_than_it_must(mask, click):
    near = near_click(mask, click)
    assert near[click.index]
    distance = np.sqrt(((np.argwhere(np.ones(SHAPE)) - click.index) ** 2).sum(axis=1)).reshape(SHAPE)
    assert near[distance <= NEAREST].all()
    other = distance[mask != mask[click.index]]
    if other.size:
        assert near[distance <= other.min()].all()
        assert not near[distance > max(1.5 * other.min(), NEAREST) + 1e-6].any()
