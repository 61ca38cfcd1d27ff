"""Connected parts of masks, against a search voxel by voxel."""

from __future__ import annotations

from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vistaseg.masks.components import components_at, components_with, deepest_voxel, depths, largest_component

SHAPE = (4, 5, 3)
MASKS = hnp.arrays(bool, SHAPE)
PLACES = st.tuples(*[st.integers(0, n - 1) for n in SHAPE])


def components(mask):
    """Sets of voxels that hang together by faces, edges or corners."""
    left, found = {tuple(map(int, p)) for p in np.argwhere(mask)}, []
    while left:
        part = reached = {left.pop()}
        while reached:
            reached = {q for p in reached for q in neighbours(p)} & left
            left -= reached
            part = part | reached
        found.append(part)
    return found


def neighbours(place):
    return {tuple(p + d for p, d in zip(place, by, strict=True)) for by in product((-1, 0, 1), repeat=3)}


def voxels(mask):
    return {tuple(map(int, p)) for p in np.argwhere(mask)}


@given(MASKS, MASKS)
def test_components_with_a_seed_are_whole(mask, seeds):
    expected = [part for part in components(mask) if part & voxels(seeds)]
    assert voxels(components_with(mask, seeds)) == set().union(*expected)


@given(MASKS, st.lists(PLACES, max_size=3))
def test_a_voxel_finds_its_component_or_those_beside_it(mask, places):
    expected = set()
    for place in places:
        own = {place} if mask[place] else neighbours(place)
        expected |= set().union(*[part for part in components(mask) if part & own])
    assert voxels(components_at(mask, places)) == expected


def test_a_place_that_misses_by_one_voxel_counts_and_by_two_does_not():
    mask = np.zeros((7, 7, 7), bool)
    mask[3, 3, 3] = True
    assert components_at(mask, [(4, 4, 4)])[3, 3, 3]
    assert not components_at(mask, [(5, 3, 3)]).any()


@given(MASKS.filter(np.any))
def test_no_component_is_larger_than_the_largest(mask):
    largest = voxels(largest_component(mask))
    assert largest in components(mask) and len(largest) == max(map(len, components(mask)))


@given(MASKS.filter(np.any), st.tuples(*[st.sampled_from([0.5, 1.0, 3.0])] * 3))
def test_depth_is_the_distance_to_the_nearest_voxel_that_is_not_set(mask, spacing):
    outside = np.argwhere(~np.pad(mask, 1)) - 1
    for place in np.argwhere(mask):
        distance = np.sqrt((((outside - place) * spacing) ** 2).sum(axis=1)).min()
        assert np.isclose(depths(mask, spacing)[tuple(place)], distance)
    assert depths(mask, spacing)[deepest_voxel(mask, spacing)] == depths(mask, spacing).max()
