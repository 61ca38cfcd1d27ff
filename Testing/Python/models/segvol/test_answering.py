"""Prompts in mm through a session: what changes is where it was asked for, however the scan lies in space."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from unittest.mock import patch

import numpy as np
import prompted_network
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from prompted_network import RADIUS, PromptedNetwork, affine_of, body, noise, prompted_model

from vistaseg.errors import CancelledError, InputError, UsageError, WeightsError
from vistaseg.masks.boxed import BoxedMask
from vistaseg.models.protocol import PromptQuestion
from vistaseg.models.segvol import encoding
from vistaseg.progress import silent
from vistaseg.prompts import Point, RegionOfInterest, Text
from vistaseg.session import Session
from vistaseg.volume import Volume

SHAPE_IJK = (44, 40, 20)
inside = st.tuples(*[st.integers(4, n - 5) for n in SHAPE_IJK])


@pytest.fixture(autouse=True)
def _vocabulary() -> Iterator[None]:
    with patch.object(encoding, "token_ids", prompted_network.level_ids):
        yield


def ras(volume: Volume, ijk: Sequence[float]) -> tuple[float, float, float]:
    r, a, s = volume.index_to_ras([list(ijk)])[0]
    return float(r), float(a), float(s)


def box_of(volume: Volume, low: Sequence[float], high: Sequence[float]) -> RegionOfInterest:
    """Around voxels (i, j, k), both included, in a scan whose axes are those of the patient."""
    return RegionOfInterest.between(
        ras(volume, np.array(low) - 0.5),
        ras(volume, np.array(high) + 0.5),
    )


def started(volume: Volume, window_bytes: int = 10**8) -> Session:
    session = Session(volume, prompted_model(window_bytes))
    session.start("a")
    return session


def full(session: Session, segment: str = "a") -> np.ndarray:
    answer = session.result(segment)
    mask = np.zeros(session.volume.array.shape, bool)
    mask[answer.mask.box.slices_kji] = answer.mask.array
    return mask


def network(session: Session) -> PromptedNetwork:
    return session.model.network


def ball(volume: Volume, ijk: Sequence[int]) -> np.ndarray:
    """The ball around a click in voxels, (k, j, i)."""
    places = np.indices(volume.array.shape).reshape(3, -1).T[:, ::-1]
    return (np.linalg.norm(places - ijk, axis=1) < RADIUS).reshape(volume.array.shape)


@given(st.integers(0, 10**6), inside)
@settings(max_examples=40, deadline=None)
def test_a_click_is_found_where_it_was_put_to_the_voxel(seed: int, ijk: tuple[int, int, int]) -> None:
    volume = body(affine=affine_of(seed))
    session = started(volume)
    session.add(Point(ras(volume, ijk)), "a")
    found = full(session)
    # Beside the click, up to four more voxels of the shrunk one that it lies in are clicked on.
    assert (found & ball(volume, ijk)).sum() == ball(volume, ijk).sum()
    places = np.argwhere(found)[:, ::-1]
    assert (np.abs(places - ijk) <= RADIUS + np.array([44, 40, 20]) / (16, 16, 8)).all()


@given(st.integers(0, 10**6), inside, inside)
@settings(max_examples=40, deadline=None)
def test_a_small_box_is_filled_to_the_voxel(seed: int, one, other) -> None:
    generator = np.random.default_rng(seed)
    affine = np.eye(4)
    affine[:3, :3] = np.diag(generator.choice([-1, 1], 3) * generator.uniform(1, 6, 3))[generator.permutation(3)]
    volume = body(affine=affine)
    low = np.minimum(one, other)
    high = np.minimum(np.maximum(one, other), low + (9, 9, 3))
    session = started(volume)
    session.add(box_of(volume, low, high), "a")
    expected = np.zeros(volume.array.shape, bool)
    expected[tuple(slice(a, b + 1) for a, b in zip(low[::-1], high[::-1], strict=True))] = True
    assert np.array_equal(full(session), expected)


@given(st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_in_an_oblique_scan_the_answer_is_not_cut_by_the_box(seed: int) -> None:
    volume = body(affine=affine_of(seed))
    session = started(volume)
    middle = np.array(ras(volume, (22, 20, 10)))
    session.add(RegionOfInterest.between(tuple(middle - 12), tuple(middle + 12)), "a")
    found = volume.index_to_ras(np.argwhere(full(session))[:, ::-1])
    outside = (np.abs(found - middle) > 12).any(axis=1)
    assert outside.any() and not outside.all()


def painted(volume: Volume, boxes: Sequence[tuple[slice, slice, slice]], hu: int) -> Volume:
    array = volume.array.copy()
    for box in boxes:
        array[box] = hu
    return Volume.from_array(array, volume.ijk_to_ras, axes="kji")


@given(st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_a_text_finds_its_level_to_the_voxel_in_many_windows(seed: int) -> None:
    boxes = [np.s_[4:16, 6:30, 8:36], np.s_[3:6, 33:37, 2:5]]
    volume = painted(body(affine=affine_of(seed)), boxes, 600)
    session = started(volume)
    session.add(Text("liver"), "a")
    assert len(network(session).asked) > 2
    # What the shrunk volume shows of its ends limits, as published, what is looked at.
    start, stop = session.as_dict()["segments"][0]["steps"][0]["record"]["region"]
    seen = np.zeros(volume.array.shape, bool)
    seen[tuple(slice(a + 1, b + 1) for a, b in zip(start, stop, strict=True))] = True
    assert np.array_equal(full(session), (volume.array == 600) & seen)
    assert (full(session) != (volume.array == 600)).sum() < 0.2 * (volume.array == 600).sum()


@pytest.mark.parametrize("shape", [(2, 40, 44), (20, 3, 44), (5, 6, 7), (3, 3, 3)])
def test_scans_smaller_than_a_window_or_a_patch_can_be_asked(shape: tuple[int, int, int]) -> None:
    volume = noise(shape)
    index = [n // 2 for n in volume.shape_ijk]
    with patch.object(prompted_network, "RADIUS", 6):
        for prompt in (Point(ras(volume, index)), box_of(volume, np.array(index) - 1, np.array(index) + 1)):
            session = started(volume)
            session.add(prompt, "a")
            assert full(session)[tuple(index[::-1])]


def test_a_prompt_outside_is_refused_and_changes_nothing() -> None:
    volume = body()
    session = started(volume)
    with pytest.raises(InputError, match="outside the scan"):
        session.add(Point(ras(volume, (90, 5, 5))), "a")
    with pytest.raises(InputError, match="outside the scan"):
        session.add(box_of(volume, (-9, -9, -9), (-3, -3, -3)), "a")
    with pytest.raises(InputError, match="outside the body"):
        session.add(box_of(volume, (0, 0, 0), (0, 0, 0)), "a")
    assert not full(session).any() and session.prompts("a") == ()


def test_a_box_or_text_replaces_what_segvol_made() -> None:
    volume = painted(body(), [np.s_[4:9, 6:14, 8:18]], 600)
    session = started(volume)
    session.add(box_of(volume, (30, 30, 10), (36, 36, 12)), "a")
    session.add(box_of(volume, (10, 20, 10), (14, 24, 12)), "a")
    assert full(session).sum() == 5 * 5 * 3
    session.undo("a")
    session.undo("a")
    session.add(Text("liver"), "a")
    assert np.array_equal(full(session), volume.array == 600)


def test_a_box_or_text_only_adds_to_a_mask_of_others() -> None:
    volume = painted(body(), [np.s_[4:9, 6:14, 8:18]], 600)
    session = started(volume)
    start = np.zeros(volume.array.shape, bool)
    start[12:18, 30:36, 30:40] = True
    session.set_mask("a", start)
    session.add(Text("liver"), "a")
    assert np.array_equal(full(session), start | (volume.array == 600))
    session.clear("a")
    for low, high in (((4, 25, 10), (8, 28, 12)), ((4, 5, 10), (8, 8, 12))):
        session.add(box_of(volume, low, high), "a")
    assert full(session).sum() == start.sum() + 5 * 4 * 3 + 5 * 4 * 3


def test_a_box_only_adds_to_what_another_model_made() -> None:
    volume = body()
    opened = prompted_model().open(volume)
    mask = BoxedMask.of(np.ones((4, 5, 6)), (20, 20, 10))
    box = box_of(volume, (8, 8, 5), (12, 12, 7))
    own = {"engine": "segvol", "seed": 1, "own": True, "region": None}
    for records, removed in (
        (({"window": [0, 0, 0]},), 0),
        ((own, {"window": [0, 0, 0]}), 0),
        ((own,), mask.voxel_count),
    ):
        prompts = (*[box_of(volume, (20, 20, 10), (25, 24, 13))] * len(records), box)
        answer = opened.answer(PromptQuestion(prompts, records, None, mask), silent)
        assert answer.change.removed.voxel_count == removed
        assert answer.change.added.voxel_count == 5 * 5 * 3
        assert answer.record["own"] == (records == (own,))


def test_a_click_on_a_mask_changes_what_it_touches_alone() -> None:
    volume = body()
    session = started(volume)
    session.add(box_of(volume, (4, 4, 4), (12, 12, 8)), "a")
    before = full(session)
    session.add(Point(ras(volume, (30, 30, 14))), "a")
    after = full(session)
    # The stand-in answers clicks without the box, and the box stays all the same.
    assert after[before].all()
    assert after[14, 30, 30]
    assert after[14, 30, 32]
    session.add(Point(ras(volume, (32, 30, 14)), positive=False), "a")
    assert not full(session)[14, 30, 32]
    assert full(session)[before].all()


def test_a_negative_click_on_a_mask_of_others_keeps_the_rest() -> None:
    volume = body()
    session = started(volume)
    start = np.zeros(volume.array.shape, bool)
    start[4:16, 8:30, 8:30] = True
    session.set_mask("a", start)
    session.add(Point(ras(volume, (28, 28, 14)), positive=False), "a")
    labels = [batch.labels.tolist()[0] for batch in network(session).asked]
    assert labels[0] == [0, 1]
    assert not full(session)[14, 28, 28]


def test_a_negative_click_on_nothing_says_what_to_do() -> None:
    volume = body()
    session = started(volume)
    answer = session.add(Point(ras(volume, (20, 20, 10)), positive=False), "a")
    assert "first say what the structure is" in answer.note
    assert answer.changed is None and network(session).asked == []


def test_nothing_found_changes_nothing_and_says_so() -> None:
    volume = body()
    session = started(volume)
    session.add(box_of(volume, (4, 4, 4), (12, 12, 8)), "a")
    before = full(session)
    answer = session.add(Text("spleen"), "a")
    assert "found nothing" in answer.note
    assert np.array_equal(full(session), before)


def test_text_click_and_box_together_leave_the_text_out_and_say_so() -> None:
    volume = body()
    session = started(volume)
    session.add(Text("bone"), "a")
    session.add(box_of(volume, (4, 4, 4), (12, 12, 8)), "a")
    answer = session.add(Point(ras(volume, (8, 8, 6))), "a")
    assert "the text was not" in answer.note
    assert network(session).asked[-1].texts is None


def test_a_name_that_was_not_trained_is_asked_as_the_nearest_one_or_with_a_word_of_doubt() -> None:
    volume = painted(body(), [np.s_[4:9, 6:14, 8:18]], 600)
    session = started(volume)
    answer = session.add(Text("livr"), "a")
    assert np.array_equal(full(session), volume.array == 600)
    assert '"livr" was read by SegVol, asked for "liver"' in answer.note
    nothing = started(volume).add(Text("xqzt"), "a")
    assert "found nothing" in nothing.note and "none of the names" in nothing.note
    assert started(volume).add(Text("liver"), "a").note == ""


def test_a_sentence_is_refused_and_changes_nothing() -> None:
    session = started(body())
    with pytest.raises(UsageError, match="not sentences.*kidney cyst"):
        session.add(Text("the cyst in the left kidney"), "a")
    assert session.prompts("a") == () and network(session).asked == []


@pytest.mark.parametrize("flip", [1, -1])
def test_the_other_side_is_flagged(flip: int) -> None:
    """In RAS, R grows to the patient's right: what is named left and lies there is flagged."""
    affine = np.diag([3.0 * flip, 3.0, 3.0, 1.0])
    volume = painted(body(affine=affine), [np.s_[4:9, 6:14, 32:40]], 1000)
    session = started(volume)
    session.add(box_of(volume, (31, 5, 3), (41, 15, 10)), "a")
    answer = session.add(Text("left kidney"), "a")
    assert full(session)[6, 10, 36]
    assert ("lies on the patient's right" in answer.note) == (flip == 1)


def test_the_same_prompts_give_the_same_bits_also_after_saving() -> None:
    volume = body()
    session = started(volume)
    clicks = [((20, 20, 10), True), ((22, 25, 12), True), ((24, 20, 10), False)]
    masks = []
    for ijk, positive in clicks:
        session.add(Point(ras(volume, ijk), positive), "a")
        masks.append(full(session))
    document = json.loads(json.dumps(session.as_dict()))
    again = Session.replay(volume, [prompted_model()], document)
    for mask in reversed(masks):
        assert np.array_equal(full(again), mask)
        again.undo("a")


@pytest.mark.parametrize("damage", [{"seed": -1}, {"seed": "x"}, {"own": 3}, {"region": [[1], [2]]}, {"engine": "x"}])
def test_a_damaged_record_is_refused(damage: dict[str, object]) -> None:
    volume = body()
    session = started(volume)
    session.add(Point(ras(volume, (20, 20, 10))), "a")
    document = session.as_dict()
    document["segments"][0]["steps"][0]["record"].update(damage)
    with pytest.raises(UsageError, match="damaged"):
        Session.replay(volume, [prompted_model()], document)


def test_the_second_prompt_nearby_embeds_nothing() -> None:
    volume = body()
    session = started(volume)
    session.add(Point(ras(volume, (20, 20, 10))), "a")
    known = len(network(session).embedded)
    session.add(Point(ras(volume, (21, 21, 10))), "a")
    assert len(network(session).embedded) == known
    session.add(Point(ras(volume, (36, 36, 17))), "a")
    assert len(network(session).embedded) > known


def test_a_hint_spares_the_first_prompt_the_whole_volume() -> None:
    volume = body()
    session = started(volume)
    session.hint(ras(volume, (20, 20, 10)))
    session.hint((1e4, 0.0, 0.0))
    assert len(network(session).embedded) == 1
    session.add(Point(ras(volume, (20, 20, 10))), "a")
    without = started(volume)
    without.add(Point(ras(volume, (20, 20, 10))), "a")
    assert len(network(session).embedded) == len(network(without).embedded)


def test_windows_stay_within_their_budget() -> None:
    volume = painted(body(), [np.s_[2:18, 2:38, 2:42]], 600)
    one = 8 * 16 * 16 * 4
    session = started(volume, window_bytes=3 * one)
    session.add(Text("liver"), "a")
    assert len(network(session).embedded) > 10
    assert session._engines.opened("segvol")._encoding.held_bytes == 3 * one + one
    none = started(volume, window_bytes=0)
    none.add(Text("liver"), "a")
    assert none._engines.opened("segvol")._encoding.held_bytes == one


def test_a_text_is_read_once_for_all_volumes() -> None:
    model = prompted_model()
    for hu in (600, 610):
        session = Session(painted(body(), [np.s_[4:9, 6:14, 8:18]], hu), model)
        session.start("a")
        session.add(Text("liver"), "a")
        session.add(Text("liver"), "a")
    assert len(model.network.read) == 1


def test_every_window_reports_first_and_cancelling_leaves_the_segment() -> None:
    volume = painted(body(), [np.s_[2:18, 2:38, 2:42]], 600)
    session = started(volume)
    reports: list[tuple[int, int]] = []

    def report(stage: str, done: int, total: int) -> None:
        assert len(network(session).asked) <= len(reports)
        reports.append((done, total))

    session.add(Text("liver"), "a", report)
    windows = len(network(session).asked)
    assert len(reports) >= windows
    for stop in (0, 1, 5):

        def cancel(stage: str, done: int, total: int, stop: int = stop) -> None:
            if done == stop:
                raise CancelledError("stop")

        cancelled = started(volume)
        with pytest.raises(CancelledError):
            cancelled.add(Text("liver"), "a", cancel)
        assert not full(cancelled).any() and cancelled.prompts("a") == ()


def test_damaged_weights_do_not_empty_a_mask() -> None:
    volume = body()
    session = started(volume)
    session.add(box_of(volume, (4, 4, 4), (12, 12, 8)), "a")
    before = full(session)
    broken = torch.full((1, 8, 16, 16), torch.nan)
    with (
        patch.object(PromptedNetwork, "decode", lambda *_: broken),
        pytest.raises(WeightsError, match="not a number"),
    ):
        session.add(Point(ras(volume, (8, 8, 6)), positive=False), "a")
    assert np.array_equal(full(session), before)


def test_classes_are_refused_with_what_to_do() -> None:
    session = started(body())
    assert session.windows() == 0 and session.model.class_ids == ()
    with pytest.raises(UsageError, match="texts, clicks and boxes"):
        session.segment([1])
    assert "CT only" in session.model.notice
