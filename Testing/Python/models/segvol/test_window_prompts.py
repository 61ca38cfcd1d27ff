"""What windows are asked with: in the window's own voxels, repeatably, and nothing that the user said is lost."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vistaseg.geometry.box import VoxelBox
from vistaseg.models.correction import VoxelClick
from vistaseg.models.covering import covering_windows
from vistaseg.models.segvol.placing import PlacedPrompts
from vistaseg.models.segvol.preprocessing import ZoomMap
from vistaseg.models.segvol.prompt_encoder import NEGATIVE, PADDING, POSITIVE
from vistaseg.models.segvol.window_prompts import NOWHERE, WindowPrompts, prompt_batch, whole_prompts
from vistaseg.models.segvol.zoom import grown_region

WINDOW = (8, 16, 16)
SIZE = (32, 48, 64)
ZOOM = ZoomMap(SIZE, WINDOW)


def random(seed: int = 0) -> np.random.RandomState:
    return np.random.RandomState(seed)


def predicted(*boxes: VoxelBox) -> np.ndarray:
    """The shrunk volume's answer where it holds boxes of the cropped volume."""
    mask = np.zeros(WINDOW, bool)
    for box in boxes:
        start, stop = ZOOM.to_zoomed(box.start), ZOOM.to_zoomed(tuple(b - 1 for b in box.stop))
        mask[tuple(slice(a, b + 1) for a, b in zip(start, stop, strict=True))] = True
    return mask


def asked(placed: PlacedPrompts, region: VoxelBox, *boxes: VoxelBox, zoom: ZoomMap = ZOOM) -> WindowPrompts:
    single = len(covering_windows(region, WINDOW, 0.5)) == 1
    return WindowPrompts(placed, predicted(*boxes), zoom, region, single)


def test_a_window_that_sticks_out_of_its_region_is_asked_where_things_are() -> None:
    """The published code pads the image by 2 voxels here and not the prompts: its box would begin at 1, not at 3."""
    region = VoxelBox.whole((4, 16, 16))
    (window,) = covering_windows(region, WINDOW, 0.5)
    assert window.start == (-2, 0, 0)
    placed = PlacedPrompts((VoxelClick((1, 5, 6), True),), VoxelBox((1, 4, 5), (3, 9, 10)))
    points, box = asked(placed, region, region).of(window, random())
    assert box == ((3, 4, 5), (4, 8, 9))
    assert points == [((3, 5, 6), POSITIVE)]


def test_the_whole_volume_is_asked_where_the_shrunk_prompts_lie() -> None:
    placed = PlacedPrompts(
        (VoxelClick((31, 0, 32), True), VoxelClick((0, 47, 63), False)), VoxelBox((0, 24, 0), (32, 48, 4))
    )
    batch = whole_prompts(placed, ZOOM, None, torch.device("cpu"))
    assert batch.points.tolist() == [[[7, 0, 8], [0, 15, 15]]]
    assert batch.labels.tolist() == [[POSITIVE, NEGATIVE]]
    assert batch.boxes.tolist() == [[0, 8, 0, 7, 15, 0]]


def test_a_box_in_one_window_is_the_users_and_in_several_that_of_the_answer() -> None:
    own = VoxelBox((2, 3, 4), (6, 9, 10))
    single = VoxelBox.whole(WINDOW)
    assert asked(PlacedPrompts(box=own), single, own).of(single, random())[1] == ((2, 3, 4), (5, 8, 9))
    large = asked(PlacedPrompts(box=own), VoxelBox.whole((16, 32, 32)), VoxelBox((0, 12, 12), (4, 32, 32)))
    assert large.of(single, random()) == ([], ((0, 12, 12), (3, 15, 15)))
    assert large.of(VoxelBox((8, 0, 0), (16, 16, 16)), random()) == ([], (NOWHERE, NOWHERE))


def test_clicks_alone_come_with_their_surroundings_and_the_answers_box() -> None:
    placed = PlacedPrompts((VoxelClick((9, 20, 30), True), VoxelClick((10, 22, 28), False)))
    region, content = VoxelBox((8, 16, 24), (16, 32, 40)), VoxelBox((8, 18, 28), (12, 24, 36))
    points, box = asked(placed, region, content).of(region, random())
    assert points[0] == ((1, 4, 6), POSITIVE)
    assert points[-1] == ((2, 6, 4), NEGATIVE)
    assert [label for _, label in points] == [POSITIVE] * 5 + [NEGATIVE]
    # A voxel of the shrunk volume stands for 4 x 3 x 4 voxels.
    assert all(0 <= d < 4 and 2 <= h < 5 and 4 <= w < 8 for (d, h, w), label in points if label == POSITIVE)
    assert box == ((0, 2, 4), (3, 7, 11))


def test_a_window_without_clicks_gets_padding() -> None:
    region = VoxelBox.whole((8, 16, 32))
    clicked = asked(PlacedPrompts((VoxelClick((1, 1, 1), True),)), region, region)
    points, _ = clicked.of(VoxelBox((0, 0, 16), (8, 16, 32)), random())
    assert points == [(NOWHERE, PADDING)]


def test_a_click_in_a_scan_smaller_than_the_shrunk_one_is_not_lost() -> None:
    zoom, region = ZoomMap((2, 5, 5), WINDOW), VoxelBox.whole((2, 5, 5))
    (window,) = covering_windows(region, WINDOW, 0.5)
    clicked = WindowPrompts(PlacedPrompts((VoxelClick((1, 2, 3), True),)), np.ones(WINDOW, bool), zoom, region, True)
    points, _ = clicked.of(window, random())
    assert points[0] == ((1 + 3, 2 + 5, 3 + 5), POSITIVE)
    assert sum(label == PADDING for _, label in points) == 3


def test_a_box_with_clicks_is_clipped_and_keeps_the_clicks_of_the_window() -> None:
    region, window = VoxelBox.whole((8, 16, 32)), VoxelBox((0, 0, 8), (8, 16, 24))
    clicks = (VoxelClick((1, 2, 10), True), VoxelClick((1, 2, 30), True), VoxelClick((2, 3, 12), False))
    together = asked(PlacedPrompts(clicks, VoxelBox((0, 1, 4), (6, 9, 20))), region, region)
    points, box = together.of(window, random())
    assert points == [((1, 2, 2), POSITIVE), ((2, 3, 4), NEGATIVE)]
    assert box == ((0, 1, 0), (5, 8, 11))


def test_a_box_with_clicks_elsewhere_is_asked_with_voxels_of_the_answer() -> None:
    region = VoxelBox.whole((8, 16, 32))
    content = VoxelBox((0, 6, 16), (4, 12, 20))
    together = asked(PlacedPrompts((VoxelClick((1, 2, 3), True),), VoxelBox((0, 1, 2), (6, 9, 30))), region, content)
    window = VoxelBox((0, 0, 16), (8, 16, 32))
    points, box = together.of(window, random())
    assert [label for _, label in points] == [POSITIVE] * 5
    assert all(content.relative_to(window.start).holds(place) for place, _ in points)
    assert box == ((0, 1, 0), (5, 8, 13))


def test_the_same_seed_draws_the_same_and_another_another() -> None:
    region = VoxelBox.whole(WINDOW)
    together = asked(PlacedPrompts((VoxelClick((20, 2, 3), True),), region), region, region)
    one, same, other = (together.of(region, random(seed)) for seed in (1, 1, 2))
    assert one == same != other


def test_text_alone_has_no_place() -> None:
    region = VoxelBox.whole(WINDOW)
    points, box = asked(PlacedPrompts(text="liver"), region, region).of(region, random())
    assert (points, box) == ([], None)
    batch = prompt_batch(points, box, torch.zeros(1, 4), torch.device("cpu"))
    assert batch.points is None and batch.labels is None and batch.boxes is None


@given(st.tuples(*[st.integers(0, n - 1) for n in SIZE]), st.tuples(*[st.integers(1, 40)] * 3))
@settings(max_examples=100, deadline=None)
def test_a_region_holds_its_content_and_is_a_window_unless_the_scan_ends(start, shape) -> None:
    content = VoxelBox(start, tuple(min(a + n, m) for a, n, m in zip(start, shape, SIZE, strict=True)))
    region = grown_region(content, WINDOW, SIZE)
    assert region.union(content) == region
    for a, b, n, w, c in zip(region.start, region.stop, SIZE, WINDOW, content.shape, strict=True):
        assert b - a >= min(w - 1, n) or a == 0 or b == n
        assert b - a <= max(w, c)


def test_windows_cover_their_region() -> None:
    region = VoxelBox((3, 1, 2), (20, 40, 21))
    seen = np.zeros(region.shape, bool)
    for window in covering_windows(region, WINDOW, 0.5):
        assert window.shape == WINDOW
        seen[window.intersection(region).relative_to(region.start).slices] = True
    assert seen.all()


@pytest.mark.parametrize("empty", [VoxelBox.whole((0, 3, 3)), VoxelBox((2, 2, 2), (1, 5, 5))])
def test_an_inverted_box_is_empty(empty: VoxelBox) -> None:
    assert empty.empty
