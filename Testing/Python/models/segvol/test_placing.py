"""From mm to voxels, however the scan lies in space."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prompted_network import affine_of

from vistaseg.errors import InputError
from vistaseg.geometry.box import VoxelBox
from vistaseg.geometry.grid import Grid
from vistaseg.models.segvol.placing import click_index, index_box, place
from vistaseg.prompts import Point, RegionOfInterest, Text

SHAPE_IJK = (30, 24, 18)
CROP = VoxelBox((2, 3, 4), (16, 22, 29))

voxels = st.tuples(*[st.integers(a, b - 1) for a, b in zip(CROP.start, CROP.stop, strict=True)])


def ras(grid: Grid, kji) -> tuple[float, float, float]:
    return tuple(grid.index_to_ras([list(kji)[::-1]])[0].tolist())


def straight(seed: int) -> Grid:
    """Any flip and permutation, any spacing."""
    generator = np.random.default_rng(seed)
    affine = np.eye(4)
    affine[:3, :3] = np.diag(generator.choice([-1, 1], 3) * generator.uniform(0.5, 5, 3))[generator.permutation(3)]
    affine[:3, 3] = generator.uniform(-500, 500, 3)
    return Grid(SHAPE_IJK, affine)


@given(st.integers(0, 10**6), voxels, st.tuples(*[st.floats(-0.49, 0.49)] * 3))
@settings(max_examples=100, deadline=None)
def test_a_click_anywhere_in_a_voxel_is_that_voxel(seed, voxel, off) -> None:
    grid = Grid(SHAPE_IJK, affine_of(seed))
    where = ras(grid, [p + d for p, d in zip(voxel, off, strict=True)])
    assert click_index(where, grid, CROP) == tuple(p - a for p, a in zip(voxel, CROP.start, strict=True))


@given(st.integers(0, 10**6), voxels, voxels, st.sampled_from([0.0, 0.3, 0.5]))
@settings(max_examples=100, deadline=None)
def test_a_box_around_voxels_is_those_voxels(seed, one, other, margin) -> None:
    grid = straight(seed)
    low, high = np.minimum(one, other), np.maximum(one, other) + 1
    # A box needs a volume: through the centres of one layer of voxels there is none.
    margin = np.where(high - low > 1, margin, max(margin, 0.3))
    region = RegionOfInterest.between(ras(grid, low - margin), ras(grid, high - 1 + margin))
    assert index_box(region, grid, CROP) == VoxelBox(tuple(low), tuple(high)).relative_to(CROP.start)


@given(st.integers(0, 10**6), voxels)
@settings(max_examples=50, deadline=None)
def test_in_an_oblique_scan_all_corners_lie_in_the_box(seed, voxel) -> None:
    grid = Grid(SHAPE_IJK, affine_of(seed))
    middle = np.array(ras(grid, voxel))
    region = RegionOfInterest.between(tuple(middle - 5), tuple(middle + 5))
    box = index_box(region, grid, CROP).shifted(CROP.start)
    corners = grid.ras_to_index(region.corners())[:, ::-1]
    low = np.maximum(corners.min(axis=0), CROP.start)
    high = np.minimum(corners.max(axis=0), np.array(CROP.stop) - 1)
    assert box.holds(voxel)
    assert (np.array(box.start) <= low + 1).all() and (np.array(box.stop) >= high).all()


def test_a_box_thinner_than_a_voxel_is_one_voxel_thick() -> None:
    grid = Grid(SHAPE_IJK, np.eye(4))
    region = RegionOfInterest.between((10.2, 8, 6), (10.4, 12, 8))
    assert index_box(region, grid, CROP).shifted(CROP.start) == VoxelBox((6, 8, 10), (9, 13, 11))


def test_what_lies_outside_is_refused() -> None:
    grid = Grid(SHAPE_IJK, np.eye(4))
    for where, words in (((-1, 5, 5), "outside the scan"), ((30, 5, 5), "outside the scan"), ((1, 5, 5), "the body")):
        with pytest.raises(InputError, match=words):
            click_index(where, grid, CROP)
    with pytest.raises(InputError, match="outside the body"):
        index_box(RegionOfInterest((0, 0, 0), (3, 2, 1)), grid, CROP)


def test_the_latest_box_and_text_count_and_all_clicks() -> None:
    grid = Grid(SHAPE_IJK, np.eye(4))
    boxes = [RegionOfInterest((5, 5, 5), (n, n, n)) for n in (9, 10)]
    points = [Point((6, 6, 6)), Point((7, 7, 7), positive=False)]
    placed = place([boxes[0], points[0], Text("liver"), boxes[1], points[1], Text("spleen")], grid, CROP)
    assert placed.text == "spleen"
    assert placed.box == VoxelBox((5, 5, 5), (11, 11, 11)).relative_to(CROP.start)
    assert [click.positive for click in placed.clicks] == [True, False]
    assert not place([points[1]], grid, CROP).says_what
