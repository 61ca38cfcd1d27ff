"""Segments that are worth a look are marked, those that are fine are not."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vistaseg import catalog
from vistaseg.geometry.box import VoxelBox
from vistaseg.geometry.grid import Grid
from vistaseg.masks.boxed import BoxedMask
from vistaseg.resources import resource_path
from vistaseg.segmentation.plausibility import findings, touches_border, voxel_milliliters

LIVER, SPLEEN, COSTAL_CARTILAGES = 1, 3, 114
SHAPE = (40, 36, 30)


def ball(milliliters, spacing, centre=(20, 18, 15)):
    """A ball (k, j, i) on a grid of 40 x 36 x 30 voxels of `spacing` mm, and that grid."""
    grid = Grid(SHAPE, np.diag([spacing, spacing, spacing, 1.0]))
    radius = (3 * milliliters * 1000 / 4 / np.pi) ** (1 / 3) / spacing
    k, j, i = np.indices(SHAPE[::-1])
    inside = (i - centre[0]) ** 2 + (j - centre[1]) ** 2 + (k - centre[2]) ** 2 < radius**2
    return inside, grid


def found(mask, grid, structure_id):
    return {finding.kind: finding.numbers for finding in findings(BoxedMask.of(mask), grid, structure_id)}


def test_an_organ_of_usual_size_in_one_piece_is_not_marked():
    assert found(*ball(1500, 6), LIVER) == {}


@pytest.mark.parametrize(("milliliters", "kind"), [(300, "small"), (6000, "large")])
def test_a_liver_of_an_unlikely_size_is_marked_with_what_was_expected(milliliters, kind):
    volume, low, high = found(*ball(milliliters, 8), LIVER)[kind]
    assert volume == pytest.approx(milliliters, rel=0.1)
    assert 500 < low < 1300 and 1900 < high < 4000


def test_no_size_is_expected_of_what_has_no_reference():
    mask, grid = ball(5000, 8)
    assert found(mask, grid, None) == found(mask, grid, 62) == {}


def test_what_the_scan_cuts_off_is_marked_as_cut_and_not_as_small():
    assert found(*ball(120, 6, centre=(0, 18, 15)), LIVER) == {"border": ()}


def test_a_second_piece_is_marked_and_a_speck_is_not():
    mask, grid = ball(200, 4)
    mask[2, 2, 2] = True
    assert found(mask, grid, SPLEEN) == {}
    mask[1:9, 1:9, 1:9] = True
    pieces, stray = found(mask, grid, SPLEEN)["pieces"]
    assert pieces == 2 and 0.1 < stray < 0.2


def test_what_comes_in_pieces_may_be_in_pieces():
    mask = np.zeros(SHAPE[::-1], dtype=bool)
    mask[3:9, 3:9, 3:9] = mask[20:26, 20:26, 20:26] = True
    grid = Grid(SHAPE, np.eye(4))
    assert found(mask, grid, COSTAL_CARTILAGES) == {}
    assert "pieces" in found(mask, grid, None)


def test_large_masks_are_looked_at_in_cells_without_losing_thin_pieces():
    mask = np.zeros((120, 120, 120), dtype=bool)
    mask[10:110, 60, 60] = True  # one voxel thin, and whole
    assert found(mask, Grid((120, 120, 120), np.eye(4)), None) == {}
    mask[10:110, 90, 90] = True
    assert found(mask, Grid((120, 120, 120), np.eye(4)), None)["pieces"][0] == 2


def test_an_empty_segment_has_nothing_to_look_at():
    assert findings(BoxedMask(np.zeros((3, 3, 3)), VoxelBox.whole((3, 3, 3))), Grid((9, 9, 9), np.eye(4)), LIVER) == ()


@given(axis=st.sampled_from([0, 1, 2]), last=st.booleans())
def test_each_side_of_the_scan_is_a_border(axis, last):
    size = SHAPE[axis]
    start, stop = [5, 5, 5], [9, 9, 9]
    start[axis], stop[axis] = (size - 4, size) if last else (0, 4)
    box = VoxelBox(tuple(start), tuple(stop))
    mask = BoxedMask(np.ones(box.shape_kji), box)
    assert touches_border(mask, SHAPE)
    np.moveaxis(mask.array, 2 - axis, 0)[-1 if last else 0] = False
    assert not touches_border(mask, SHAPE)


def test_a_voxel_of_a_tilted_grid_has_its_true_volume():
    assert voxel_milliliters(Grid((2, 2, 2), np.diag([2.0, -3.0, 4.0, 1.0]))) == pytest.approx(0.024)


def test_every_reference_names_a_structure_of_the_catalogue():
    table = json.loads(resource_path("reference-volumes.json").read_text("utf-8"))
    assert all(catalog.get(row["id"]).name == row["name"] for row in table["organs"])
    assert all(catalog.get(i).supported for i in table["in_pieces"])
