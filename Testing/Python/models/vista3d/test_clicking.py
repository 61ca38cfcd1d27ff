"""Prompts in mm: the voxel that was clicked is the voxel that changes, however the scan lies in space."""

from __future__ import annotations

from collections.abc import Sequence
from unittest.mock import patch

import numpy as np
import pytest
import torch
from clicked_balls import RADIUS, affine_of, all_but_balls, balls, body, full, ras, started
from hypothesis import given, settings
from hypothesis import strategies as st

from vistaseg.errors import CancelledError, InputError, UsageError, WeightsError
from vistaseg.masks.boxed import NO_VOXELS, BoxedMask
from vistaseg.models.correction import VoxelClick
from vistaseg.models.protocol import PromptQuestion
from vistaseg.models.vista3d import interactive
from vistaseg.models.vista3d.model import Vista3d
from vistaseg.models.vista3d.point_head import ClickTarget
from vistaseg.progress import silent
from vistaseg.prompts import Point, RegionOfInterest, Text
from vistaseg.session import Session
from vistaseg.volume import Volume

pytestmark = pytest.mark.usefixtures("sees_balls")


@given(st.integers(0, 10**6), st.tuples(st.integers(4, 23), st.integers(4, 21), st.integers(4, 19)))
@settings(max_examples=40, deadline=None)
def test_the_clicked_voxel_is_set_and_lies_in_the_middle(model: Vista3d, seed: int, ijk: tuple[int, int, int]) -> None:
    volume = body(affine=affine_of(seed))
    session = Session(volume, model)
    session.start("a")
    session.add(Point(ras(volume, ijk)), "a")
    mask = full(session, "a")
    assert mask[ijk[::-1]]
    places = volume.index_to_ras(np.argwhere(mask)[:, ::-1])
    # No voxel is farther than the ball, give or take half a voxel of both grids.
    slack = 3 + max(volume.spacing)
    assert np.linalg.norm(places - ras(volume, ijk), axis=1).max() < 3 * RADIUS + slack


@given(st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_voxels_far_from_the_click_keep_their_bits(model: Vista3d, seed: int) -> None:
    generator = np.random.default_rng(seed)
    volume = body(affine=affine_of(seed))
    session = Session(volume, model)
    start = generator.random(volume.array.shape) < 0.3
    session.set_mask("a", start)
    index = [int(generator.integers(4, n - 4)) for n in volume.shape_ijk]
    positive = bool(generator.integers(2))
    with patch.object(interactive, "logits", balls if positive else all_but_balls):
        session.add(Point(ras(volume, index), positive), "a")
    places = volume.index_to_ras(np.indices(start.shape).reshape(3, -1).T[:, ::-1]).reshape(*start.shape, 3)
    far = np.linalg.norm(places - ras(volume, index), axis=-1) > 3 * RADIUS + 3 + max(volume.spacing)
    after = full(session, "a")
    assert np.array_equal(after[far], start[far])
    session.undo("a")
    assert np.array_equal(full(session, "a"), start)


@pytest.mark.parametrize("shape", [(4, 26, 28), (24, 3, 28), (8, 8, 8)])
def test_volumes_smaller_than_a_window_can_be_clicked(model: Vista3d, shape: tuple[int, int, int]) -> None:
    volume = Volume.from_array(np.full(shape, 40.0, np.float32), np.diag([-3.0, 3.0, 3.0, 1.0]), axes="kji")
    session = Session(volume, model)
    session.start("a")
    index = [n // 2 for n in volume.shape_ijk]
    session.add(Point(ras(volume, index)), "a")
    assert full(session, "a")[tuple(index[::-1])]


def test_a_click_outside_the_scan_or_the_body_is_refused_and_changes_nothing(model: Vista3d) -> None:
    array = np.full((24, 26, 60), -1000.0, np.float32)
    array[3:-3, 3:-3, 3:20] = 40.0
    volume = Volume.from_array(array, np.diag([3.0, 3.0, 3.0, 1.0]), axes="kji")
    session = Session(volume, model)
    session.start("a")
    session.add(Point(ras(volume, (10, 10, 10))), "a")
    before = full(session, "a")
    for ijk, words in (((-3, 5, 5), "outside the scan"), ((60, 5, 5), "outside the scan"), ((50, 10, 10), "the body")):
        with pytest.raises(InputError, match=words):
            session.add(Point(ras(volume, ijk)), "a")
    assert np.array_equal(full(session, "a"), before)
    assert len(session.prompts("a")) == 1


def test_a_class_that_stands_for_several_cannot_be_clicked(model: Vista3d) -> None:
    session = Session(body(), model)
    session.start("lungs", 20)
    with pytest.raises(UsageError, match="by its own name"):
        session.add(Point((30.0, 30.0, 30.0)), "lungs")


def test_a_text_is_refused_and_changes_nothing(model: Vista3d) -> None:
    question = PromptQuestion((Text("liver"),), (), None, NO_VOXELS)
    with pytest.raises(UsageError, match="does not read"):
        model.open(body()).answer(question, silent)
    session = Session(body(), model)
    session.start("a")
    with pytest.raises(UsageError, match='knows no "zygoma"'):
        session.add(Text("zygoma"), "a")
    assert session.prompts("a") == ()


def test_what_another_model_answered_before_is_no_obstacle(model: Vista3d) -> None:
    volume = body()
    mask = BoxedMask.of(np.ones((2, 2, 2)), (8, 8, 8))
    prompts = (Text("liver"), Point(ras(volume, (14, 13, 12))))
    answer = model.open(volume).answer(PromptQuestion(prompts, ({"engine": "segvol"},), None, mask), silent)
    assert not answer.change.added.empty and answer.change.removed.empty


def test_a_negative_click_takes_its_ball_out(model: Vista3d) -> None:
    volume = body()
    session = Session(volume, model)
    session.set_mask("a", np.ones(volume.array.shape, bool))
    with patch.object(interactive, "logits", all_but_balls):
        answer = session.add(Point(ras(volume, (14, 13, 12)), positive=False), "a")
    mask = full(session, "a")
    assert not mask[12, 13, 14] and 200 < (~mask).sum() < 900
    assert answer.changed is not None and not mask[answer.changed.slices_kji].all()


def test_a_structure_is_followed_beyond_its_first_window(model: Vista3d) -> None:
    """A rod through the whole body: one click finds all of it."""
    volume = body((20, 20, 70))

    def rod(
        head: object, reduced: torch.Tensor, size: Sequence[int], clicks: Sequence[VoxelClick], target: ClickTarget
    ):
        found = torch.full(tuple(size), -1.0)
        x, y, z = clicks[0].index if len(clicks) == 1 else clicks[-1].index
        found[:, max(y - 1, 0) : y + 2, max(z - 1, 0) : z + 2] = 1.0
        return found

    with patch.object(interactive, "logits", rod):
        session = Session(volume, model)
        session.start("rod")
        answer = session.add(Point(ras(volume, (10, 10, 10))), "rod")
    # The image ends two voxels beyond the body.
    assert (answer.mask.box.start[0], answer.mask.box.stop[0]) == (1, 69)
    assert answer.note == ""


def test_following_stops_and_says_so(model: Vista3d) -> None:
    def everything(
        head: object, reduced: torch.Tensor, size: Sequence[int], clicks: Sequence[VoxelClick], target: ClickTarget
    ):
        return torch.ones(tuple(size))

    volume = body((20, 20, 200))
    with patch.object(interactive, "logits", everything):
        session = Session(volume, model)
        session.start("a")
        answer = session.add(Point(ras(volume, (100, 10, 10))), "a")
    assert "Stopped after 8 windows" in answer.note
    assert not full(session, "a").all()


def test_nothing_is_added_outside_a_box(model: Vista3d) -> None:
    volume, session = started(model)
    box = RegionOfInterest.between(ras(volume, (12, 11, 10)), ras(volume, (16, 15, 12)))
    session.add(box, "a")
    inside = full(session, "a")
    assert inside[11, 13, 14]
    k, j, i = np.argwhere(inside).min(axis=0)
    assert (i, j, k) >= (11, 10, 9)
    k, j, i = np.argwhere(inside).max(axis=0)
    assert (i, j, k) <= (17, 16, 13)
    session.add(Point(ras(volume, (15, 14, 11))), "a")
    assert (np.argwhere(full(session, "a")).max(axis=0) <= (13, 16, 17)).all()
    session.add(Point(ras(volume, (20, 20, 18))), "a")
    assert full(session, "a")[18, 20, 20]


@pytest.mark.parametrize("seed", range(6))
def test_nothing_is_added_outside_a_box_in_a_turned_scan(model: Vista3d, seed: int) -> None:
    volume = body(affine=affine_of(seed))
    session = Session(volume, model)
    session.start("a")
    middle = np.array(ras(volume, (14, 13, 12)))
    box = RegionOfInterest.between(tuple(middle - 6), tuple(middle + 6))
    session.add(box, "a")
    session.add(Point(tuple(middle + 4)), "a")
    places = volume.index_to_ras(np.argwhere(full(session, "a"))[:, ::-1])
    assert len(places)
    assert (np.abs(places - middle) <= 6 + 1e-6).all()


def test_the_latest_box_around_a_click_holds_it(model: Vista3d) -> None:
    volume, session = started(model)
    one = RegionOfInterest.between(ras(volume, (5, 5, 5)), ras(volume, (11, 11, 11)))
    session.add(one, "a")
    session.add(RegionOfInterest.between(ras(volume, (15, 15, 13)), ras(volume, (19, 19, 17))), "a")
    before = full(session, "a")
    session.add(Point(ras(volume, (10, 10, 10))), "a")
    added = np.argwhere(full(session, "a") & ~before)
    assert (added <= 11).all()


def test_a_box_around_nothing_says_so(model: Vista3d) -> None:
    session = Session(body(), model)
    session.start("a")
    with pytest.raises(InputError, match="middle of the box"):
        session.add(RegionOfInterest.between((-900.0, 0.0, 0.0), (30.0, 30.0, 30.0)), "a")


def test_a_record_of_another_model_is_refused(model: Vista3d) -> None:
    volume, session = started(model)
    session.add(Point(ras(volume, (14, 13, 12))), "a")
    for record in ({}, {"window": [0, 0, 0], "size": [32, 32, 32]}, {"window": [900, 0, 0], "size": [16, 16, 16]}):
        document = session.as_dict()
        document["segments"][0]["steps"][0]["record"] = record
        with pytest.raises(UsageError, match="damaged"):
            Session.replay(volume, [model], document)


def test_damaged_weights_do_not_empty_a_mask(model: Vista3d) -> None:
    def broken(
        head: object, reduced: torch.Tensor, size: Sequence[int], clicks: Sequence[VoxelClick], target: ClickTarget
    ):
        return torch.full(tuple(size), torch.nan)

    volume = body()
    session = Session(volume, model)
    session.set_mask("a", np.ones(volume.array.shape, bool))
    with patch.object(interactive, "logits", broken), pytest.raises(WeightsError, match="not a number"):
        session.add(Point(ras(volume, (14, 13, 12)), positive=False), "a")
    assert full(session, "a").all()


def test_cancelling_between_windows_leaves_the_segment(model: Vista3d) -> None:
    def stop(stage: str, done: int, total: int) -> None:
        if done == 1:
            raise CancelledError("stop")

    def everything(
        head: object, reduced: torch.Tensor, size: Sequence[int], clicks: Sequence[VoxelClick], target: ClickTarget
    ):
        return torch.ones(tuple(size))

    volume = body((20, 20, 90))
    session = Session(volume, model)
    session.start("a")
    with patch.object(interactive, "logits", everything), pytest.raises(CancelledError):
        session.add(Point(ras(volume, (40, 10, 10))), "a", stop)
    assert not full(session, "a").any() and session.prompts("a") == ()


def test_a_hint_spares_the_click_its_encoding(model: Vista3d) -> None:
    volume, session = started(model)
    session.hint(ras(volume, (14, 13, 12)))
    with patch.object(type(model.network.image_encoder), "forward", side_effect=AssertionError("encoded")):
        session.add(Point(ras(volume, (15, 12, 12))), "a")
    session.hint((1e4, 0.0, 0.0))


def test_the_second_click_nearby_encodes_nothing(model: Vista3d) -> None:
    volume, session = started(model)
    session.add(Point(ras(volume, (14, 13, 12))), "a")
    with patch.object(type(model.network.image_encoder), "forward", side_effect=AssertionError("encoded")):
        session.add(Point(ras(volume, (15, 15, 13)), positive=False), "a")


def test_negative_clicks_alone_come_with_the_middle_of_the_mask(model: Vista3d) -> None:
    """Otherwise the network is not told what the structure is, and all of it goes."""
    volume = body()
    session = Session(volume, model)
    mask = np.zeros(volume.array.shape, bool)
    mask[8:17, 8:19, 8:19] = True
    session.set_mask("a", mask)
    asked: list[Sequence[VoxelClick]] = []

    def watch(
        head: object, reduced: torch.Tensor, size: Sequence[int], clicks: Sequence[VoxelClick], target: ClickTarget
    ):
        asked.append(clicks)
        return all_but_balls(head, reduced, size, clicks, target)

    with patch.object(interactive, "logits", watch):
        session.add(Point(ras(volume, (10, 10, 10)), positive=False), "a")
    assert [click.positive for click in asked[0]] == [False, True]
    assert full(session, "a").any()
