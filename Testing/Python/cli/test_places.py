"""A place is the same however it is typed; of one outside the scan it is said where the scan lies."""

from __future__ import annotations

import json

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from vistaseg.cli.places import on_scan, parse_box, parse_point
from vistaseg.errors import InputError, UsageError
from vistaseg.geometry.grid import Grid
from vistaseg.prompts import Point, RegionOfInterest
from vistaseg.segmentation import read_segmentation

SHAPE = (20, 30, 25)
CORNERS = np.array(np.meshgrid(*[(-0.5, n - 0.5) for n in SHAPE])).reshape(3, -1).T


@st.composite
def grids(draw: st.DrawFn, oblique: bool = True) -> Grid:
    """Any orientation, flipped and permuted, anisotropic, turned where that is wanted."""
    order = draw(st.permutations(range(3)))
    signs = draw(st.tuples(*[st.sampled_from([-1.0, 1.0])] * 3))
    spacing = draw(st.tuples(*[st.floats(0.4, 5)] * 3))
    turn = draw(st.tuples(*[st.floats(-40, 40)] * 3)) if oblique else (0, 0, 0)
    matrix = np.eye(4)
    axes = np.eye(3)[:, list(order)] * signs * spacing
    matrix[:3, :3] = Rotation.from_euler("xyz", turn, degrees=True).as_matrix() @ axes
    matrix[:3, 3] = draw(st.tuples(*[st.floats(-500, 500)] * 3))
    return Grid(SHAPE, matrix)


INDEX = st.tuples(*[st.floats(0, n - 1) for n in SHAPE])


def spelt(grid: Grid, *indices: tuple[float, ...]) -> tuple[str, str, str]:
    """Places given in voxels, in the three spellings."""
    ras = grid.index_to_ras(indices)
    spellings = ((ras, ""), (ras * [-1, -1, 1], "lps:"), (np.array(indices), "ijk:"))
    mm, lps, ijk = (
        prefix + ":".join(",".join(repr(float(value)) for value in place) for place in places)
        for places, prefix in spellings
    )
    return mm, lps, ijk


@given(grids(), INDEX, st.sampled_from([("", True), (":+", True), (":-", False)]))
def test_a_click_is_at_the_same_place_in_all_three_spellings(grid, index, sign):
    text, positive = sign
    for typed in spelt(grid, index):
        (point,) = on_scan([parse_point(typed + text)], grid)
        assert isinstance(point, Point) and point.positive is positive
        assert point.ras == pytest.approx(grid.index_to_ras([index])[0], abs=1e-6)


@given(grids(), INDEX, INDEX)
def test_a_box_is_the_same_in_all_three_spellings(grid, one, other):
    corners = grid.index_to_ras([one, other])
    if np.abs(corners[0] - corners[1]).min() < 1e-3 or np.abs(np.subtract(one, other)).min() < 1e-3:
        return
    for typed in spelt(grid, one, other):
        (box,) = on_scan([parse_box(typed)], grid)
        assert isinstance(box, RegionOfInterest)
        assert box.low == pytest.approx(corners.min(axis=0), abs=1e-5)
        assert box.high == pytest.approx(corners.max(axis=0), abs=1e-5)


@given(grids(oblique=False), st.data())
def test_a_box_in_voxels_holds_the_voxels_from_corner_to_corner_and_no_more(grid, data):
    pairs = [sorted(data.draw(st.lists(st.integers(0, n - 1), min_size=2, max_size=2, unique=True))) for n in SHAPE]
    first, last = zip(*pairs, strict=True)
    box = parse_box(f"ijk:{first[0]},{last[1]},{first[2]}:{last[0]},{first[1]},{last[2]}").on(grid)
    inside = np.ones(SHAPE[::-1], dtype=bool)
    box.blank_outside(inside, grid)
    expected = np.zeros(SHAPE[::-1], dtype=bool)
    expected[first[2] : last[2] + 1, first[1] : last[1] + 1, first[0] : last[0] + 1] = True
    assert np.array_equal(inside, expected)


@given(grids(), INDEX, st.integers(0, 2), st.sampled_from([-1, 1]))
def test_a_click_outside_is_told_where_the_scan_lies(grid, index, axis, side):
    outside = list(index)
    outside[axis] = -0.51 if side < 0 else SHAPE[axis] - 0.49
    low, high = grid.index_to_ras(CORNERS).min(axis=0), grid.index_to_ras(CORNERS).max(axis=0)
    for typed in spelt(grid, tuple(outside)):
        with pytest.raises(InputError) as caught:
            on_scan([parse_point(typed)], grid)
        for letter, first, last in zip("RAS", low, high, strict=True):
            assert f"{letter} {first:.1f} to {last:.1f}" in str(caught.value)


@given(grids(), INDEX, INDEX)
def test_a_box_that_meets_the_scan_is_taken_and_one_far_away_is_not(grid, one, other):
    corners = grid.index_to_ras([one, other])
    if np.abs(corners[0] - corners[1]).min() < 1e-3:
        return
    box = RegionOfInterest.between(*map(tuple, corners))
    mm = ":".join(",".join(map(str, corner)) for corner in (box.low, box.high))
    assert on_scan([parse_box(mm)], grid) == [box]
    far = ":".join(",".join(str(value + 2000) for value in corner) for corner in (box.low, box.high))
    with pytest.raises(InputError, match="lies outside the scan, which reaches from R "):
        on_scan([parse_box(far)], grid)


@pytest.mark.parametrize(
    "text",
    ["", "1,2", "a,b,c", "1,2,3:*", "1,2,3:4,5,6", "xyz:1,2,3", "ijk:1,2", "ijk 1,2,3", "lps:ijk:1,2,3", "1" * 999],
)
def test_what_is_no_click_is_refused_with_how_to_write_one(text):
    with pytest.raises(UsageError, match=r"is not a click.*R,A,S:\+.*lps:L,P,S:\+.*ijk:I,J,K:\+") as caught:
        parse_point(text)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("text", ["", "1,2,3", "1,2,3:4,5", "1,2,3:4,5,6:7,8,9", "1;2;3:4;5;6", "ijk:1,2,3", "ijk:"])
def test_what_is_no_box_is_refused_with_how_to_write_one(text):
    with pytest.raises(UsageError, match="R,A,S:R,A,S or lps:L,P,S:L,P,S.*ijk:I,J,K:I,J,K"):
        parse_box(text)


@pytest.mark.parametrize("space", ["", "ras:", "lps:", "ijk:", "IJK: "])
@pytest.mark.parametrize("corners", ["1,2,3:1,5,6", "nan,2,3:4,5,6", "inf,2,3:4,5,6", "1e400,2,3:4,5,6"])
def test_a_flat_box_and_one_without_numbers_are_refused_before_the_scan_is_read(space, corners):
    with pytest.raises(UsageError, match="two corners that differ"):
        parse_box(space + corners)
    with pytest.raises(UsageError, match="not a number"):
        parse_point(f"{space}nan,2,3:+")


def test_corners_may_be_given_in_any_order():
    region = parse_box("10, -5, 3:-10,5,-3").on(Grid((2, 2, 2), np.eye(4)))
    assert region.low == (-10, -5, -3) and region.high == (10, 5, 3)


def test_an_oblique_scan_warns_that_a_box_in_voxels_runs_along_the_patient(capsys):
    turned = np.eye(4)
    turned[:3, :3] = Rotation.from_euler("z", 30, degrees=True).as_matrix()
    parse_box("ijk:1,2,3:9,8,7").on(Grid(SHAPE, turned))
    assert "The scan is oblique" in capsys.readouterr().err
    parse_box("1,2,3:9,8,7").on(Grid(SHAPE, turned))
    parse_box("ijk:1,2,3:9,8,7").on(Grid(SHAPE, np.diag([-1.0, 1, 1, 1])))
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("tiny_demo")
def test_a_region_and_a_click_are_the_same_in_all_three_spellings_in_a_whole_run(vistaseg, scan, results):
    affine, shape = nibabel.load(scan).affine, nibabel.load(scan).shape
    grid = Grid(shape, affine)
    masks = []
    for number, typed in enumerate(spelt(grid, (5, 6, 7), (30, 20, 35))):
        out = results / f"{number}.seg.nrrd"
        done = vistaseg("segment", scan, "-o", out, "--model", "demo", "--roi", typed, "--json")
        assert done.code == 0, done.stderr
        low, high = (done.json["region_ras_mm"][key] for key in ("low", "high"))
        assert sorted(low + high) == pytest.approx(sorted(grid.index_to_ras([(5, 6, 7), (30, 20, 35)]).ravel()))
        masks.append([(one.name, one.mask.fingerprint) for one in read_segmentation(out).segments])
    assert masks[0] == masks[1] == masks[2] != []
    answers = []
    for number, typed in enumerate(spelt(grid, (18, 14, 19))):
        out = results / f"click{number}.seg.nrrd"
        done = vistaseg("refine", scan, "-o", out, "--model", "demo", "--class", "liver", "--point", typed, "--json")
        assert done.code == 0, done.stderr
        answers.append([json.dumps(row) for row in done.json["segments"]])
    assert answers[0] == answers[1] == answers[2]


OUTSIDE = {"": "1500,0,0", "lps:": "lps:-1500,0,0", "ijk:": "ijk:-1,3,3"}


@pytest.mark.parametrize("typed", OUTSIDE.values(), ids=OUTSIDE)
@pytest.mark.parametrize("command", ["refine", "refine box", "identify", "segment roi", "segment box"])
def test_a_place_outside_is_told_before_weights_are_read(vistaseg, scan, results, monkeypatch, command, typed):
    def read(*_: object, **__: object) -> None:
        pytest.fail("weights were read")

    monkeypatch.setattr("vistaseg.cli.opening.load_models", read)
    monkeypatch.setattr("vistaseg.pipeline.plan.load_models", read)
    out = results / "out.seg.nrrd"
    box = {"1500,0,0": "1500,0,0:1600,5,5", "lps:-1500,0,0": "lps:-1500,0,0:-1600,5,5"}.get(typed, "ijk:-9,3,3:-3,5,5")
    options = {
        "refine": ("refine", scan, "-o", out, "--point", typed),
        "refine box": ("refine", scan, "-o", out, "--box", box),
        "identify": ("identify", scan, "--point", typed),
        "segment roi": ("segment", scan, "-o", out, "--roi", box),
        "segment box": ("segment", scan, "-o", out, "--box", box),
    }[command]
    done = vistaseg(*options, "--model", "demo")
    assert done.code == 3
    assert "outside the scan, which reaches from R -92.5 to 92.5, A -72.5 to 72.5, S -97.5 to 97.5 mm" in done.stderr
    assert not list(results.iterdir())
