"""The algebra of masks in boxes, against whole arrays and against the functions that it replaced."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vistaseg.geometry.box import EMPTY_BOX, VoxelBox
from vistaseg.masks.boxed import NO_CHANGE, NO_VOXELS, BoxedMask, MaskChange
from vistaseg.masks.packed import PackedMask

GRID = (6, 5, 4)
WHOLE = VoxelBox.whole(GRID)
ARRAYS = hnp.arrays(bool, WHOLE.shape_kji)


@st.composite
def boxed_masks(draw: st.DrawFn) -> BoxedMask:
    """A mask on the grid in any box, which may be empty, tight or loose."""
    ends = [sorted(draw(st.tuples(st.integers(0, n), st.integers(0, n)))) for n in GRID]
    box = VoxelBox(tuple(a for a, _ in ends), tuple(b for _, b in ends))
    mask = BoxedMask(draw(hnp.arrays(bool, box.shape_kji)), box)
    return mask.cropped() if draw(st.booleans()) else mask


MASKS = boxed_masks()


def full(mask: BoxedMask) -> np.ndarray:
    """The mask on the whole grid, written without the algebra."""
    array = np.zeros(WHOLE.shape_kji, bool)
    for k, j, i in np.argwhere(mask.array):
        x, y, z = mask.box.start
        array[k + z, j + y, i + x] = True
    return array


@given(MASKS, MASKS)
def test_masks_combine_as_whole_arrays_do(one, other):
    assert np.array_equal(full(one.union(other)), full(one) | full(other))
    assert np.array_equal(full(one.difference(other)), full(one) & ~full(other))
    assert np.array_equal(full(BoxedMask.union_of([one, other, one])), full(one) | full(other))
    assert one.overlaps(other) == (full(one) & full(other)).any()
    assert one.equals(other) == np.array_equal(full(one), full(other))
    assert one.equals(one.cropped()) and (one.fingerprint == other.fingerprint) == one.equals(other)


@given(MASKS, MASKS, MASKS)
def test_a_change_adds_and_then_removes(mask, added, removed):
    after = mask.apply(MaskChange(added, removed))
    assert np.array_equal(full(after), (full(mask) | full(added)) & ~full(removed))


@given(MASKS, MASKS)
def test_the_change_between_two_masks_leads_from_one_to_the_other_and_back(before, after):
    change = MaskChange.between(before, after)
    assert np.array_equal(full(change.added), full(after) & ~full(before))
    assert np.array_equal(full(change.removed), full(before) & ~full(after))
    assert before.apply(change).equals(after)
    assert after.apply(MaskChange(change.removed, change.added)).equals(before)
    assert change.empty == before.equals(after)
    assert change.box == BoxedMask.of(full(before) ^ full(after)).box
    assert change.missing_in(after) == 0 and change.missing_in(before) == (full(before) ^ full(after)).sum()


@given(MASKS, MASKS, MASKS)
def test_what_is_missing_of_a_change_is_counted_voxel_by_voxel(added, removed, mask):
    missing = (full(added) & ~full(mask)).sum() + (full(removed) & full(mask)).sum()
    assert MaskChange(added, removed).missing_in(mask) == missing


@given(MASKS, MASKS)
def test_a_mask_is_seen_in_any_box(mask, other):
    assert np.array_equal(mask.within(WHOLE), full(mask))
    assert np.array_equal(mask.within(other.box), full(mask)[other.box.slices_kji])
    assert mask.within(mask.box) is not mask.array, "a new array"


@given(MASKS, st.tuples(*[st.integers(-2, 7)] * 3))
def test_a_voxel_is_held_where_it_is_set(mask, index):
    inside = WHOLE.holds(index)
    assert mask.holds(index) == (inside and bool(full(mask)[index[::-1]]))


@given(MASKS)
def test_a_cropped_mask_is_tight_and_lies_where_it_was(mask):
    cropped = mask.cropped()
    assert np.array_equal(full(cropped), full(mask))
    for axis in range(3):
        if not mask.empty:
            ends = cropped.array.take([0, -1], axis=axis)
            assert ends.any(axis=tuple(a for a in range(3) if a != axis)).all()
    assert cropped.box.empty == mask.empty == (mask.voxel_count == 0)


def test_cropping_counts_from_the_given_start():
    assert BoxedMask.of(np.ones((1, 2, 3)), start=(10, 20, 30)).box == VoxelBox((10, 20, 30), (13, 22, 31))


@given(MASKS.filter(lambda mask: not mask.empty))
def test_the_centroid_is_the_mean_of_the_voxels(mask):
    np.testing.assert_allclose(mask.centroid, np.argwhere(full(mask)).mean(axis=0)[::-1])


@given(st.integers(0, 5), st.integers(0, 4), st.integers(0, 3))
def test_the_center_of_a_ring_lies_on_the_ring(i, j, k):
    ring = np.zeros((1, 9, 9), dtype=bool)
    ring[0, 1:8, 1:8] = True
    ring[0, 3:6, 3:6] = False
    x, y, z = BoxedMask.of(ring, (i, j, k)).center_voxel
    assert ring[z - k, y - j, x - i]


def test_an_empty_mask_has_no_center():
    assert BoxedMask(np.zeros((2, 2, 2)), VoxelBox.whole((2, 2, 2))).center_voxel is None


@pytest.mark.parametrize("box", [VoxelBox((0, 0, 0), (1, 1, 2)), VoxelBox((-1, 0, 0), (1, 1, 1)), EMPTY_BOX])
def test_a_mask_that_does_not_fill_a_box_of_the_grid_is_refused(box):
    with pytest.raises(ValueError, match="does not fill"):
        BoxedMask(np.ones((1, 1, 2)), box)


def test_nothing_changes_nothing():
    assert NO_VOXELS.apply(NO_CHANGE).box == EMPTY_BOX and NO_CHANGE.empty and NO_VOXELS.empty


@given(MASKS)
def test_a_packed_mask_is_unpacked_to_the_same_voxels(mask):
    packed = PackedMask.of(mask)
    assert packed.unpacked().equals(mask) and packed.box == mask.cropped().box
    assert packed.fingerprint == mask.fingerprint


@given(MASKS, MASKS)
def test_packed_masks_are_equal_however_they_were_compressed(one, other):
    packed = PackedMask.of(one)
    again = PackedMask(packed.box, zlib.compress(zlib.decompress(packed.bits), 9))
    assert packed.equals(again) and packed.equals(PackedMask.of(other)) == one.equals(other)


# What stood in other rooms before, each with its own mask and extent.


def old_crop(mask, start=(0, 0, 0)):
    found = np.argwhere(mask)
    if not len(found):
        return np.zeros((0, 0, 0), bool), EMPTY_BOX
    low, high = found.min(axis=0), found.max(axis=0) + 1
    cropped = mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    return cropped, VoxelBox(tuple(low[::-1]), tuple(high[::-1])).shifted(start)


def old_changed_mask(mask, box, added, removed, change_box):
    """`session.results.changed_mask` and `workspace.answering.mask_after`."""
    if change_box.empty:
        return old_crop(mask, box.start)
    around = box.union(change_box)
    whole = np.zeros(around.shape_kji, dtype=bool)
    if not box.empty:
        whole[box.relative_to(around.start).slices_kji] = mask
    part = whole[change_box.relative_to(around.start).slices_kji]
    part |= added
    part &= ~removed
    return old_crop(whole, around.start)


def old_change_between(before, after):
    """`workspace.answering.change_between`."""
    box = before.box.union(after.box)
    was, now = (np.zeros(box.shape_kji, dtype=bool) for _ in range(2))
    for part, whole in ((before, was), (after, now)):
        if not part.box.empty:
            whole[part.box.relative_to(box.start).slices_kji] = part.array
    different, extent = old_crop(was ^ now, box.start)
    if extent.empty:
        return None
    now = now[extent.relative_to(box.start).slices_kji]
    return different & now, different & ~now, extent


def old_kept_back(added, removed, box, mask):
    """`workspace.answering.kept_back`."""
    now = np.zeros(box.shape_kji, dtype=bool)
    common = box.intersection(mask.box)
    if not common.empty:
        now[common.relative_to(box.start).slices_kji] = mask.array[common.relative_to(mask.box.start).slices_kji]
    return int(np.count_nonzero((added & ~now) | (removed & now)))


@given(MASKS, MASKS, ARRAYS)
def test_changes_are_applied_and_counted_as_they_were(mask, change, removed):
    removed = removed[change.box.slices_kji]
    made = MaskChange.in_box(change.array, removed, change.box)
    array, box = old_changed_mask(mask.array, mask.box, change.array, removed, change.box)
    after = mask.apply(made).cropped()
    assert after.box == box and np.array_equal(after.array, array)
    if not (change.array & removed).any():
        assert made.missing_in(mask) == old_kept_back(change.array, removed, change.box, mask)


@given(MASKS, MASKS)
def test_differences_are_found_as_they_were(before, after):
    was, now = old_change_between(before, after), MaskChange.between(before, after)
    if was is None:
        assert now.empty and now.box.empty
    else:
        added, removed, extent = was
        assert now.added.box == now.removed.box == extent
        assert np.array_equal(now.added.array, added) and np.array_equal(now.removed.array, removed)
