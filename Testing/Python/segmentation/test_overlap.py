from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vistaseg.errors import UsageError
from vistaseg.masks.boxed import BoxedMask
from vistaseg.segmentation import Segment, Segmentation, assign_layers, overlapping_pairs

STACKS = hnp.arrays(bool, st.tuples(st.integers(0, 6), st.just(2), st.just(3), st.just(3)))


def segments_of(masks, labels=None):
    labels = labels or range(1, len(masks) + 1)
    pairs = zip(labels, masks, strict=True)
    return [Segment(f"s{n}", n, None, (0, 0, 0), None, BoxedMask.of(mask)) for n, mask in pairs]


@given(STACKS)
def test_overlapping_pairs_are_those_that_share_a_voxel(masks):
    expected = [(a, b) for a in range(len(masks)) for b in range(a + 1, len(masks)) if (masks[a] & masks[b]).any()]
    assert overlapping_pairs(segments_of(masks)) == expected


@given(STACKS)
def test_no_voxel_is_claimed_twice_within_a_layer(masks):
    layers = np.array(assign_layers(segments_of(masks)), dtype=int)
    for layer in set(layers.tolist()):
        assert masks[layers == layer].sum(axis=0).max() <= 1
    assert sorted(set(layers.tolist())) == list(range(len(set(layers.tolist()))))


def test_what_overlaps_nothing_shares_one_layer():
    masks = np.eye(5, dtype=bool).reshape(5, 1, 1, 5)
    assert assign_layers(segments_of(masks)) == [0] * 5


def test_one_segment_over_many_costs_one_more_layer_only():
    masks = np.vstack([np.ones((1, 1, 1, 5)), np.eye(5).reshape(5, 1, 1, 5)])
    assert sorted(assign_layers(segments_of(masks))) == [0, 1, 1, 1, 1, 1]


def test_the_same_label_value_goes_to_another_layer():
    masks = np.eye(2, dtype=bool).reshape(2, 1, 1, 2)
    assert sorted(assign_layers(segments_of(masks, [7, 7]))) == [0, 1]


def test_a_label_map_of_overlapping_segments_is_refused_by_name():
    segmentation = Segmentation((3, 1, 1), np.eye(4), segments_of(np.ones((2, 1, 1, 3))))
    assert segmentation.overlaps()
    with pytest.raises(UsageError, match=r"overlap: s1 with s2.*\.seg\.nrrd.*folder"):
        segmentation.label_map()


def test_the_message_lists_few_of_many_pairs():
    segmentation = Segmentation((3, 1, 1), np.eye(4), segments_of(np.ones((9, 1, 1, 3))))
    with pytest.raises(UsageError, match="and 31 more pairs"):
        segmentation.label_map()


def test_a_label_map_of_segments_with_the_same_label_is_refused():
    masks = np.eye(2, dtype=bool).reshape(2, 1, 1, 2)
    with pytest.raises(UsageError, match="share a label value"):
        Segmentation((2, 1, 1), np.eye(4), segments_of(masks, [7, 7])).label_map()
