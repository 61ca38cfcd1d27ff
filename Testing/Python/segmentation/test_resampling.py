from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from vistaseg.geometry.grid import Grid
from vistaseg.masks.boxed import BoxedMask
from vistaseg.segmentation import Segment, Segmentation
from vistaseg.segmentation.resampling import onto_grid
from vistaseg.volume import Volume, reorient

SHAPE_KJI = (4, 5, 6)
AFFINE = np.array([[0.68, -0.4, 0.1, -20.5], [0.41, 0.66, 0.05, 33.25], [-0.18, 0.02, 2.49, -70.1], [0, 0, 0, 1]])


def segmentation_of(mask: np.ndarray) -> Segmentation:
    segment = Segment("liver", 1, None, (1, 2, 3), None, BoxedMask.of(mask), {"algorithm_type": "MANUAL"})
    return Segmentation(mask.shape[::-1], AFFINE, [segment])


def nearest(mask: np.ndarray, grid: Grid) -> np.ndarray:
    """(k, j, i) on `grid`, voxel by voxel."""
    k, j, i = (axis.ravel() for axis in np.indices(grid.shape_ijk[::-1]))
    points = grid.index_to_ras(np.stack([i, j, k], axis=1))
    index = np.rint(np.round(Grid(mask.shape[::-1], AFFINE).ras_to_index(points), 8)).astype(int)
    inside = ((index >= 0) & (index < mask.shape[::-1])).all(axis=1)
    found = np.zeros(len(points), dtype=bool)
    found[inside] = mask[tuple(index[inside, ::-1].T)]
    return found.reshape(grid.shape_ijk[::-1])


@settings(max_examples=60)
@given(
    seed=st.integers(0, 1000),
    zoom=st.tuples(*[st.floats(0.4, 2.5)] * 3),
    turn=st.floats(-0.5, 0.5),
    shift=st.tuples(*[st.floats(-2, 2)] * 3),
)
def test_each_voxel_is_as_the_nearest_on_the_old_grid(seed, zoom, turn, shift):
    mask = np.random.default_rng(seed).random(SHAPE_KJI) > 0.5
    twist = np.eye(4)
    twist[0, 1], twist[1, 0] = -turn, turn
    twist[:3, 3] = shift
    grid = Grid((7, 6, 5), AFFINE @ twist @ np.diag([*zoom, 1.0]))
    found = onto_grid(segmentation_of(mask), grid).segmentation
    assert np.array_equal(found.full_mask(found.segments[0]), nearest(mask, grid))
    assert found.segments[0].provenance == {"algorithm_type": "MANUAL"}


@given(
    seed=st.integers(0, 1000),
    orientation=st.sampled_from(["RAS", "LPS", "SAR", "PIR", "AIL", "IPL"]),
    noise=st.floats(-0.02, 0.02),
)
def test_axes_in_another_order_and_sense_keep_every_voxel(seed, orientation, noise):
    mask = np.random.default_rng(seed).random(SHAPE_KJI) > 0.6
    mask[1, 2, 3] = True
    turned = reorient(Volume.from_array(mask.astype(np.uint8), AFFINE, axes="kji"), orientation)
    affine = turned.ijk_to_ras.copy()
    affine[:3, 3] += noise
    placed = onto_grid(segmentation_of(mask), Grid(turned.shape_ijk, affine))
    found = placed.segmentation
    assert placed.aligned and not placed.cut
    assert np.array_equal(found.full_mask(found.segments[0]), turned.array != 0)


@given(seed=st.integers(0, 1000), offset=st.tuples(*[st.integers(-4, 4)] * 3))
def test_what_lies_outside_is_cut_off_and_that_is_told(seed, offset):
    mask = np.random.default_rng(seed).random(SHAPE_KJI) > 0.6
    mask[1, 2, 3] = True
    moved = AFFINE.copy()
    moved[:3, 3] = (AFFINE @ [*offset, 1.0])[:3]
    grid = Grid((6, 5, 4), moved)
    placed = onto_grid(segmentation_of(mask), grid)
    found, meant = placed.segmentation, nearest(mask, grid)
    assert np.array_equal(found.full_mask(found.segments[0]), meant)
    assert placed.cut == (() if meant.sum() == mask.sum() else ("liver",))


def test_an_empty_segment_stays_one():
    placed = onto_grid(segmentation_of(np.zeros(SHAPE_KJI, dtype=bool)), Grid((3, 3, 3), np.eye(4)))
    assert placed.segmentation.segments[0].voxel_count == 0 and placed.cut == ()
