"""A session under a host that has an undo, a brush and rules of its own."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
from fake_model import FakeModel

from vistaseg.errors import CancelledError, InputError, UsageError
from vistaseg.masks.boxed import NO_VOXELS, BoxedMask
from vistaseg.prompts import Point
from vistaseg.session import Session
from vistaseg.volume import Volume

MakeVolume = Callable[[tuple[int, int, int], np.ndarray], Volume]
RAS = np.array([[5, 0, 0, -100], [0, 5, 0, -75], [0, 0, 5, -100], [0, 0, 0, 1.0]])
BODY, LEFT, RIGHT = Point((0.0, 0.0, 0.0)), Point((-40.0, 10.0, 33.0)), Point((40.0, 10.0, -20.0))


@pytest.fixture
def volume(phantom: MakeVolume) -> Volume:
    return phantom((40, 30, 40), RAS)


@pytest.fixture
def session(volume: Volume) -> Session:
    session = Session(volume, FakeModel())
    session.start("a")
    return session


def mask(session: Session) -> np.ndarray:
    answer = session.result("a")
    whole = np.zeros(session.volume.array.shape, bool)
    whole[answer.mask.box.slices_kji] = answer.mask.array
    return whole


def test_following_an_undo_brings_the_prompts_back_that_led_there(session: Session) -> None:
    first = session.add(LEFT, "a")
    second = session.add(RIGHT, "a")
    assert session.follow("a", first.mask).changed is not None
    assert session.prompts("a") == (LEFT,)
    session.follow("a", second.mask)
    assert session.prompts("a") == (LEFT, RIGHT)
    assert session.follow("a", second.mask).changed is None


def test_following_a_brush_starts_anew_from_what_was_painted(session: Session) -> None:
    session.add(LEFT, "a")
    painted = mask(session)
    painted[:3, :3, :3] = True
    session.follow("a", BoxedMask.of(painted))
    assert session.prompts("a") == ()
    session.add(RIGHT, "a")
    assert (mask(session) & painted == painted).all()
    session.clear("a")
    assert np.array_equal(mask(session), painted)


def test_what_the_host_let_through_is_what_counts_and_what_is_replayed(session: Session, volume: Volume) -> None:
    session.add(LEFT, "a")
    allowed = mask(session)
    allowed[:, :15] = False
    session.amend("a", BoxedMask.of(allowed))
    session.add(RIGHT, "a")
    assert not mask(session)[:, :15][:, :, :20].any()
    assert session.prompts("a") == (LEFT, RIGHT)
    again = Session.replay(volume, [FakeModel()], json.loads(json.dumps(session.as_dict())))
    assert np.array_equal(mask(again), mask(session))
    session.undo("a")
    assert np.array_equal(mask(session), allowed)


def test_a_prompt_can_be_taken_out_from_between(session: Session) -> None:
    session.add(LEFT, "a")
    session.add(BODY, "a")
    session.add(RIGHT, "a")
    whole = session.result("a")
    session.without("a", 1)
    assert session.prompts("a") == (LEFT, RIGHT)
    expected = Session(session.volume, FakeModel())
    expected.start("a")
    expected.add(LEFT, "a")
    expected.add(RIGHT, "a")
    assert np.array_equal(mask(session), mask(expected))
    session.follow("a", whole.mask)
    assert session.prompts("a") == (LEFT, BODY, RIGHT)


def test_taking_a_prompt_out_can_be_cancelled(session: Session) -> None:
    session.add(LEFT, "a")
    session.add(RIGHT, "a")
    before = mask(session)

    def cancel(stage: str, done: int, total: int) -> None:
        raise CancelledError("Cancelled.")

    with pytest.raises(CancelledError):
        session.without("a", 0, cancel)
    assert np.array_equal(mask(session), before)
    assert session.prompts("a") == (LEFT, RIGHT)


def test_there_is_no_prompt_to_take_out_beyond_the_last(session: Session) -> None:
    session.add(LEFT, "a")
    with pytest.raises(UsageError, match="not there"):
        session.without("a", 1)


def test_a_segment_goes_on_in_a_later_session_without_asking_again(session: Session, volume: Volume) -> None:
    session.set_mask("a", volume.array == 300)
    session.add(LEFT, "a")
    memory = json.loads(json.dumps(session.memory_of("a")))
    later = Session(volume, FakeModel())
    answer = session.result("a")
    later.resume("a", memory, answer.mask)
    assert later.prompts("a") == (LEFT,)
    assert np.array_equal(mask(later), mask(session))
    later.clear("a")
    assert np.array_equal(mask(later), volume.array == 300)


@pytest.mark.parametrize("damage", [{}, {"steps": []}, {"name": "a", "class_id": True, "steps": [], "start": {}}, None])
def test_a_damaged_memory_is_refused(volume: Volume, damage: object) -> None:
    session = Session(volume, FakeModel())
    with pytest.raises(UsageError, match="damaged"):
        session.resume("a", damage, NO_VOXELS)
    assert session.segments == ()


def test_a_made_segment_says_how(session: Session) -> None:
    assert session.made("a") is None
    session.add(LEFT, "a")
    made = session.made("a")
    assert made is not None
    assert made.provenance["algorithm_type"] == "SEMIAUTOMATIC"
    assert len(made.provenance["prompts"]) == 1


def test_a_forgotten_segment_can_be_started_again(session: Session) -> None:
    session.add(LEFT, "a")
    session.forget("a")
    session.forget("a")
    session.start("a")
    assert session.result("a").mask.empty


def test_a_click_that_is_refused_leaves_the_segment(session: Session) -> None:
    session.add(LEFT, "a")
    before = mask(session)
    with pytest.raises(InputError):
        session.add(Point((95.0, 70.0, 95.0)), "a")
    assert np.array_equal(mask(session), before)
