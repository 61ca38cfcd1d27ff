from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from vistaseg.errors import UsageError
from vistaseg.geometry.grid import Grid
from vistaseg.prompts import Point, RegionOfInterest, Text, prompt_from_dict

coordinate = st.floats(-500, 500, allow_subnormal=False)
point = st.tuples(coordinate, coordinate, coordinate)


@st.composite
def grids(draw) -> Grid:
    """Any small grid: flipped, turned, oblique."""
    angles = draw(st.tuples(*[st.floats(-180, 180)] * 3))
    spacing = draw(st.tuples(*[st.floats(0.5, 5)] * 3))
    signs = draw(st.tuples(*[st.sampled_from((-1, 1))] * 3))
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix() * spacing * signs
    affine[:3, 3] = draw(st.tuples(*[st.floats(-20, 20)] * 3))
    return Grid(draw(st.tuples(*[st.integers(1, 7)] * 3)), affine)


@given(point, point)
def test_corners_in_any_order_span_the_same_box(one, other):
    if any(a == b for a, b in zip(one, other, strict=True)):
        with pytest.raises(UsageError, match="two corners that differ"):
            RegionOfInterest.between(one, other)
        return
    region = RegionOfInterest.between(one, other)
    assert region == RegionOfInterest.between(other, one)
    assert all(a < b for a, b in zip(region.low, region.high, strict=True))
    assert region.low == tuple(map(min, one, other)) and region.high == tuple(map(max, one, other))


@given(grids(), st.tuples(*[st.floats(-25, 0)] * 3), st.tuples(*[st.floats(1, 25)] * 3))
def test_exactly_the_voxels_with_their_centre_outside_are_blanked(grid, low, high):
    region = RegionOfInterest.between(low, high)
    i, j, k = grid.shape_ijk
    array = np.ones((k, j, i), dtype=np.uint8)
    region.blank_outside(array, grid)
    index = np.indices((k, j, i)).reshape(3, -1).T
    ras = grid.index_to_ras(index[:, ::-1])
    inside = ((ras >= low) & (ras <= high)).all(axis=1)
    near = (np.minimum(abs(ras - low), abs(ras - high)) < 1e-9).any(axis=1)
    assert ((array.ravel() == 1) == inside)[~near].all()


def test_labels_inside_keep_their_values():
    array = np.arange(27, dtype=np.uint8).reshape(3, 3, 3)
    RegionOfInterest((0, 0, 0), (0, 2, 2)).blank_outside(array, Grid((3, 3, 3), np.eye(4)))
    assert array[2, 1].tolist() == [21, 0, 0]


def test_the_corners_are_the_eight_of_the_box():
    corners = RegionOfInterest((0, 10, 20), (1, 11, 21)).corners()
    assert corners.shape == (8, 3) and len(np.unique(corners, axis=0)) == 8
    assert corners.min(axis=0).tolist() == [0, 10, 20] and corners.max(axis=0).tolist() == [1, 11, 21]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_coordinate_that_is_no_number_is_refused(bad):
    with pytest.raises(UsageError, match="two corners"):
        RegionOfInterest.between((0, 0, 0), (1, 1, bad))


@given(
    st.one_of(
        st.builds(Point, point, st.booleans()),
        st.builds(Text, st.text(min_size=1).filter(str.strip)),
        st.builds(lambda low: RegionOfInterest(low, tuple(v + 1 for v in low)), point),
    )
)
def test_a_prompt_is_the_same_after_json(prompt):
    assert prompt_from_dict(json.loads(json.dumps(prompt.as_dict()))) == prompt


@pytest.mark.parametrize("empty", ["", "  ", "\n\t"])
def test_a_text_without_words_is_refused(empty):
    with pytest.raises(UsageError, match="type a name"):
        Text(empty)


def test_blanks_make_no_other_text():
    assert Text("  left \n kidney ") == Text("left kidney")


@pytest.mark.parametrize("bad", [{"kind": "text"}, {"kind": "text", "text": 3}, {"kind": "text", "text": " "}])
def test_what_is_no_text_is_refused(bad):
    with pytest.raises(UsageError):
        prompt_from_dict(bad)
