"""Boxes of voxels, against sets of voxels and against the two classes that they replaced."""

from __future__ import annotations

from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vistaseg.geometry.box import EMPTY_BOX, VoxelBox

places = st.tuples(*[st.integers(-3, 4)] * 3)
boxes = st.builds(
    lambda start, size: VoxelBox(start, tuple(np.add(start, size))), places, st.tuples(*[st.integers(0, 4)] * 3)
)


def voxels(box):
    """Every voxel of a box."""
    return set(product(*[range(a, b) for a, b in zip(box.start, box.stop, strict=True)]))


@given(boxes, boxes, places)
def test_boxes_combine_as_sets_of_voxels_do(one, other, by):
    assert voxels(one.intersection(other)) == voxels(one) & voxels(other)
    assert one.empty == (not voxels(one)) and one.size == len(voxels(one))
    assert voxels(one.shifted(by)) == {tuple(np.add(p, by)) for p in voxels(one)}
    assert one.shifted(by).relative_to(by) == one
    assert one.holds(by) == (by in voxels(one))
    assert voxels(one.reversed) == {p[::-1] for p in voxels(one)}


@given(boxes, boxes)
def test_the_union_is_the_smallest_box_around_both(one, other):
    union, both = one.union(other), voxels(one) | voxels(other)
    assert both <= voxels(union)
    if both:
        low, high = np.min(list(both), axis=0), np.max(list(both), axis=0)
        assert union == VoxelBox(tuple(low), tuple(high + 1))


@given(boxes.filter(lambda box: min(box.start) >= 0))
def test_slices_cut_a_box_out_of_arrays_of_both_orders(box):
    index = np.moveaxis(np.indices((9, 9, 9)), 0, -1)
    for slices, order in ((box.slices, 1), (box.slices_kji, -1)):
        cut = {tuple(int(p) for p in found[::order]) for found in index[slices].reshape(-1, 3)}
        assert cut == voxels(box)
    assert index[box.slices].shape[:3] == box.shape and index[box.slices_kji].shape[:3] == box.shape_kji


def test_a_whole_grid_begins_at_its_first_voxel():
    assert VoxelBox.whole((4, 5, 6)) == VoxelBox((0, 0, 0), (4, 5, 6)) and EMPTY_BOX.empty


class OldExtent:
    """`VoxelBox` as it was in `segmentation.model`."""

    def __init__(self, start, stop):
        self.start, self.stop = start, stop

    @property
    def empty(self):
        return 0 in self.shape_kji

    @property
    def shape_kji(self):
        i, j, k = (last - first for first, last in zip(self.start, self.stop, strict=True))
        return k, j, i

    @property
    def slices(self):
        i, j, k = (slice(first, last) for first, last in zip(self.start, self.stop, strict=True))
        return k, j, i

    def intersection(self, other):
        start = [max(pair) for pair in zip(self.start, other.start, strict=True)]
        stop = [min(pair) for pair in zip(self.stop, other.stop, strict=True)]
        if any(last <= first for first, last in zip(start, stop, strict=True)):
            return None
        return tuple(start), tuple(stop)

    def within(self, outer):
        i, j, k = (
            slice(first - origin, last - origin)
            for first, last, origin in zip(self.start, self.stop, outer.start, strict=True)
        )
        return k, j, i

    def union(self, other):
        if self.empty or other.empty:
            return (other.start, other.stop) if self.empty else (self.start, self.stop)
        start = tuple(min(pair) for pair in zip(self.start, other.start, strict=True))
        return start, tuple(max(pair) for pair in zip(self.stop, other.stop, strict=True))


class OldBox:
    """`Box` as it was in `models.boxes`."""

    def __init__(self, start, stop):
        self.start, self.stop = tuple(start), tuple(stop)

    @property
    def shape(self):
        return tuple(b - a for a, b in zip(self.start, self.stop, strict=True))

    @property
    def slices(self):
        return tuple(slice(a, b) for a, b in zip(self.start, self.stop, strict=True))

    @property
    def empty(self):
        return min(self.shape) <= 0

    def seen_from(self, origin):
        return OldBox(np.subtract(self.start, origin).tolist(), np.subtract(self.stop, origin).tolist())

    def clipped(self, other):
        return OldBox(map(max, self.start, other.start), map(min, self.stop, other.stop))

    def joined(self, other):
        return OldBox(map(min, self.start, other.start), map(max, self.stop, other.stop))


@given(boxes.filter(lambda box: min(box.start) >= 0), boxes.filter(lambda box: min(box.start) >= 0))
def test_on_a_volume_it_is_what_it_was(one, other):
    was, and_other = OldExtent(one.start, one.stop), OldExtent(other.start, other.stop)
    assert (one.empty, one.shape_kji, one.slices_kji) == (was.empty, was.shape_kji, was.slices)
    common, found = was.intersection(and_other), one.intersection(other)
    assert found.empty if common is None else (found.start, found.stop) == common
    assert one.relative_to(other.start).slices_kji == was.within(and_other)
    union = one.union(other)
    assert (union.start, union.stop) == was.union(and_other)


@given(boxes, boxes, places)
def test_before_a_network_it_is_what_it_was(one, other, origin):
    was, and_other = OldBox(one.start, one.stop), OldBox(other.start, other.stop)
    assert (one.empty, one.shape, one.slices) == (was.empty, was.shape, was.slices)
    seen = was.seen_from(origin)
    assert one.relative_to(origin) == VoxelBox(seen.start, seen.stop)
    common, found = was.clipped(and_other), one.intersection(other)
    assert found.empty if common.empty else found == VoxelBox(common.start, common.stop)
    if not (one.empty or other.empty):
        around = was.joined(and_other)
        assert one.union(other) == VoxelBox(around.start, around.stop)
