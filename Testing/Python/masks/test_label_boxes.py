"""Where labels lie, against looking at every voxel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from vistaseg.geometry.box import VoxelBox
from vistaseg.masks.label_boxes import label_boxes

maps = arrays(
    st.sampled_from([np.uint8, np.uint16, np.int32, np.int64]),
    array_shapes(min_dims=3, max_dims=3, max_side=7),
    elements=st.sampled_from([0, 0, 0, 1, 2, 5, 117]),
)


def looked_up(labels, label):
    found = np.argwhere(labels == label)
    return VoxelBox(tuple(found.min(axis=0)[::-1]), tuple(found.max(axis=0)[::-1] + 1))


@given(maps, st.permutations(range(3)))
def test_each_box_is_the_smallest_that_holds_its_label(labels, axes):
    labels = labels.transpose(axes)  # also where the planes do not lie one behind the other
    expected = {int(label): looked_up(labels, label) for label in np.unique(labels) if label}
    found = label_boxes(labels)
    assert found == expected and list(found) == sorted(expected)


@pytest.mark.parametrize("shape", [(0, 2, 2), (2, 0, 2), (2, 2, 0), (2, 2, 2)])
def test_where_nothing_is_there_are_no_boxes(shape):
    assert label_boxes(np.zeros(shape, dtype=np.uint8)) == {}


def test_the_highest_label_of_its_kind_is_found():
    labels = np.zeros((2, 3, 4), dtype=np.uint16)
    labels[1, 2, 3] = 65535
    assert label_boxes(labels) == {65535: VoxelBox((3, 2, 1), (4, 3, 2))}
