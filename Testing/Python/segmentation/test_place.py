"""Where a segment lies, on any grid."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from vistaseg.geometry.box import VoxelBox
from vistaseg.geometry.grid import Grid
from vistaseg.masks.boxed import BoxedMask
from vistaseg.segmentation import Segment
from vistaseg.segmentation.place import place_of

SHAPE = (7, 6, 5)


def grid(turn: tuple[float, float, float], order: tuple[int, ...], signs: tuple[float, ...]) -> Grid:
    matrix = np.eye(4)
    rotation = Rotation.from_euler("xyz", turn, degrees=True).as_matrix()
    matrix[:3, :3] = rotation @ (np.eye(3)[:, list(order)] * signs * (0.8, 1.5, 3.0))
    matrix[:3, 3] = (100, -40, 700)
    return Grid(SHAPE, matrix)


@given(
    st.sets(st.tuples(*[st.integers(0, n - 1) for n in SHAPE]), min_size=1, max_size=40),
    st.tuples(*[st.floats(-40, 40)] * 3),
    st.permutations(range(3)),
    st.tuples(*[st.sampled_from([-1.0, 1.0])] * 3),
    st.booleans(),
)
def test_centre_and_boxes_are_those_of_the_voxels(voxels, turn, order, signs, loose):
    place_on = grid(turn, tuple(order), signs)
    index = np.array(sorted(voxels))
    mask = np.zeros(SHAPE[::-1], dtype=bool)
    mask[tuple(index[:, ::-1].T)] = True
    boxed = BoxedMask(mask, VoxelBox.whole(SHAPE)) if loose else BoxedMask.of(mask)
    place = place_of(Segment("x", 1, None, (1, 2, 3), None, boxed), place_on)
    assert place is not None
    assert np.allclose(place.centroid, place_on.index_to_ras(index).mean(axis=0))
    assert place.box == VoxelBox(tuple(index.min(axis=0).tolist()), tuple((index.max(axis=0) + 1).tolist()))
    ends = np.array(np.meshgrid(*zip(index.min(axis=0) - 0.5, index.max(axis=0) + 0.5, strict=True)))
    corners = place_on.index_to_ras(ends.reshape(3, -1).T)
    assert np.allclose(place.low, corners.min(axis=0)) and np.allclose(place.high, corners.max(axis=0))


def test_an_empty_segment_lies_nowhere():
    empty = Segment("x", 1, None, (1, 2, 3), None, BoxedMask(np.zeros((2, 2, 2)), VoxelBox((1, 1, 1), (3, 3, 3))))
    assert place_of(empty, grid((0, 0, 0), (0, 1, 2), (1, 1, 1))) is None
