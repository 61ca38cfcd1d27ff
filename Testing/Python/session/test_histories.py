"""Segments step by step: nothing is lost, nothing is stale, and the same steps give the same masks."""

from __future__ import annotations

import base64
import json
import tracemalloc
import zlib
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vistaseg.errors import CancelledError, InputError, UsageError, VistaSegError
from vistaseg.geometry.box import VoxelBox
from vistaseg.masks.boxed import BoxedMask, MaskChange
from vistaseg.models.protocol import ClassMasks, ModelIdentity, PromptAnswer, PromptQuestion
from vistaseg.models.recipe import Recipe
from vistaseg.progress import Progress
from vistaseg.prompts import Point, Ras, RegionOfInterest
from vistaseg.session import Session
from vistaseg.volume import Volume

SHAPE = (7, 8, 9)


class Cubes:
    """A click adds or takes away the 3 x 3 x 3 voxels around it; clicks at i = 0 are refused."""

    def __init__(self, volume: Volume) -> None:
        self.volume, self.questions = volume, 0

    def windows(self, region: RegionOfInterest | None = None) -> int:
        return 1

    def segment_classes(
        self, class_ids: Sequence[int], region: RegionOfInterest | None, progress: Progress
    ) -> ClassMasks:
        raise NotImplementedError

    def hint(self, ras: Ras, progress: Progress) -> None:
        pass

    def answer(self, question: PromptQuestion, progress: Progress) -> PromptAnswer:
        self.questions += 1
        progress("windows", 0, 1)
        prompt = question.prompts[-1]
        assert isinstance(prompt, Point)
        index = np.round(self.volume.ras_to_index([prompt.ras])[0]).astype(int)
        if index[0] == 0:
            raise InputError("outside")
        start = np.maximum(index - 1, 0)
        stop = np.minimum(index + 2, SHAPE[::-1])
        extent = VoxelBox(tuple(map(int, start)), tuple(map(int, stop)))
        everything = np.ones(extent.shape_kji, bool)
        added, removed = (everything, ~everything) if prompt.positive else (~everything, everything)
        return PromptAnswer(MaskChange.in_box(added, removed, extent), {"asked": len(question.prompts)}, "a note")


class CubeModel:
    identity = ModelIdentity("cubes", "Cubes", "cd" * 32)
    class_ids = (1, 3)
    computed_on = {"device": "cpu", "precision": "fp32"}
    takes = frozenset((Point,))
    notice = ""

    def open(self, volume: Volume) -> Cubes:
        return Cubes(volume)


def volume(seed: int = 0) -> Volume:
    values = np.random.default_rng(seed).integers(-1000, 1000, SHAPE).astype(np.int16)
    return Volume.from_array(
        values, np.array([[0, 2, 0, 5], [-1.5, 0, 0, 7], [0, 0, 3, -9], [0, 0, 0, 1.0]]), axes="kji"
    )


@pytest.fixture
def session() -> Session:
    return Session(volume(), CubeModel())


def at(session: Session, i: int, j: int, k: int, positive: bool = True) -> Point:
    r, a, s = session.volume.index_to_ras([[i, j, k]])[0]
    return Point((float(r), float(a), float(s)), positive)


def full(session: Session, segment: str = "a") -> np.ndarray:
    answer = session.result(segment)
    mask = np.zeros(SHAPE, bool)
    mask[answer.mask.box.slices_kji] = answer.mask.array
    return mask


def test_a_prompt_changes_its_segment_and_says_where(session: Session) -> None:
    session.start("a")
    session.start("b", 3)
    answer = session.add(at(session, 4, 4, 4), "a")
    assert full(session).sum() == 27
    assert full(session)[3:6, 3:6, 3:6].all()
    assert answer.changed == VoxelBox((3, 3, 3), (6, 6, 6))
    assert answer.note == "a note"
    assert session.result("b").mask.empty
    assert session.result("a").changed is None
    assert session.segments == ("a", "b")


def test_what_a_click_does_not_change_is_reported_as_unchanged(session: Session) -> None:
    session.start("a")
    session.add(at(session, 4, 4, 4), "a")
    assert session.add(at(session, 4, 4, 4), "a").changed is None


def test_undo_and_redo_bring_back_the_exact_masks(session: Session) -> None:
    start = np.random.default_rng(3).random(SHAPE) < 0.4
    session.set_mask("a", start)
    masks = [full(session)]
    for i, positive in ((2, True), (5, False), (7, True)):
        session.add(at(session, i, 3, 3, positive), "a")
        masks.append(full(session))
    for expected in masks[-2::-1]:
        session.undo("a")
        assert np.array_equal(full(session), expected)
    session.undo("a")
    assert not full(session).any()
    for expected in masks:
        answer = session.redo("a")
        assert np.array_equal(full(session), expected)
    assert answer.changed is not None
    assert session.redo("a").changed is None


def test_a_new_step_forgets_what_was_undone(session: Session) -> None:
    session.start("a")
    session.add(at(session, 2, 2, 2), "a")
    session.undo("a")
    session.add(at(session, 6, 6, 5), "a")
    after = full(session)
    session.redo("a")
    assert np.array_equal(full(session), after)
    assert [prompt.positive for prompt in session.prompts("a")] == [True]


def test_clear_goes_back_to_the_starting_mask_and_can_be_undone(session: Session) -> None:
    start = np.zeros(SHAPE, bool)
    start[0, 0, 0] = True
    session.set_mask("a", start)
    session.add(at(session, 4, 4, 4), "a")
    clicked = full(session)
    session.clear("a")
    assert np.array_equal(full(session), start)
    assert session.prompts("a") == ()
    session.undo("a")
    assert np.array_equal(full(session), clicked)


def test_a_refused_or_cancelled_prompt_changes_nothing(session: Session) -> None:
    def cancel(stage: str, done: int, total: int) -> None:
        raise CancelledError("stop")

    session.start("a")
    session.add(at(session, 4, 4, 4), "a")
    before = full(session)
    with pytest.raises(InputError):
        session.add(at(session, 0, 4, 4), "a")
    with pytest.raises(CancelledError):
        session.add(at(session, 6, 4, 4), "a", cancel)
    assert np.array_equal(full(session), before)
    assert len(session.prompts("a")) == 1


def test_misuse_is_said(session: Session) -> None:
    session.start("a")
    with pytest.raises(UsageError, match="already"):
        session.start("a")
    with pytest.raises(UsageError, match="no segment 'b'"):
        session.add(at(session, 4, 4, 4), "b")
    with pytest.raises(UsageError, match="voxels"):
        session.set_mask("a", np.ones((2, 2, 2), bool))


@pytest.mark.parametrize("meanwhile", ["undo", "clear", "set_mask"])
def test_a_prompt_answered_too_late_does_not_bring_back_what_was_taken_back(session: Session, meanwhile: str) -> None:
    """As when a worker answers while the user goes on."""

    def change(stage: str, done: int, total: int) -> None:
        if meanwhile == "set_mask":
            session.set_mask("a", np.ones(SHAPE, bool))
        else:
            getattr(session, meanwhile)("a")

    session.start("a")
    session.add(at(session, 2, 2, 2), "a")
    with pytest.raises(CancelledError, match="changed while"):
        session.add(at(session, 6, 6, 5), "a", change)
    assert full(session).all() if meanwhile == "set_mask" else not full(session).any()


def test_a_prompt_cancelled_at_its_end_changes_nothing(session: Session) -> None:
    def stop(stage: str, done: int, total: int) -> None:
        if done == total:
            raise CancelledError("stop")

    session.start("a")
    with pytest.raises(CancelledError):
        session.add(at(session, 4, 4, 4), "a", stop)
    assert not full(session).any()


def test_a_start_outside_the_volume_is_refused(session: Session) -> None:
    session.set_mask("a", np.ones(SHAPE, bool))
    document = session.as_dict()
    document["segments"][0]["start"]["stop"] = [9, 8, 8]
    with pytest.raises(UsageError, match="damaged"):
        Session.replay(volume(), [CubeModel()], document)


def test_segments_tell_what_they_were_made_by(session: Session) -> None:
    session.start("my liver", 1)
    session.start("another", 1)
    session.start("thing")
    session.start("empty", 3)
    session.set_mask("drawn", np.ones(SHAPE, bool))
    for name in ("my liver", "another", "thing"):
        session.add(at(session, 4, 4, 4), name)
    found = session.segmentation()
    assert [s.name for s in found.segments] == ["my liver", "another", "thing", "drawn"]
    assert len({s.label_value for s in found.segments}) == 4
    liver, _, thing, drawn = found.segments
    assert (liver.label_value, liver.structure_id, thing.structure_id) == (1, 1, None)
    assert liver.terminology is not None
    assert liver.provenance["algorithm_type"] == "SEMIAUTOMATIC"
    assert liver.provenance["prompts"] == [{**at(session, 4, 4, 4).as_dict(), "model": "cubes"}]
    assert drawn.provenance["algorithm_type"] == "MANUAL"


def test_a_saved_session_is_made_again_bit_for_bit(session: Session) -> None:
    session.start("a", 1)
    session.add(at(session, 4, 4, 4), "a")
    session.set_mask("b", np.random.default_rng(1).random(SHAPE) < 0.5)
    session.add(at(session, 3, 3, 3, positive=False), "b")
    session.add(at(session, 7, 7, 6), "b")
    session.undo("b")
    document = json.loads(json.dumps(session.as_dict()))
    again = Session.replay(volume(), [CubeModel()], document)
    assert again.segments == session.segments
    for name in session.segments:
        assert np.array_equal(full(again, name), full(session, name))
        assert again.prompts(name) == session.prompts(name)
    assert again.as_dict() == session.as_dict()


SAVED_MODEL = {
    "weights_sha256": "cd" * 32,
    "computed_on": {"device": "cpu", "precision": "fp32"},
    "recipe": Recipe().as_dict(),
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": "other"}, "not a session"),
        ({"volume": {}}, "another volume"),
        ({"models": {"cubes": {**SAVED_MODEL, "weights_sha256": "00"}}}, "other weights of Cubes"),
        ({"models": {"cubes": {**SAVED_MODEL, "computed_on": {"device": "cuda"}}}}, "device and precision"),
        ({"models": {"balls": SAVED_MODEL}}, "'balls' is not open here"),
        ({"models": {}}, "not a session"),
        ({"segments": [{"name": "a"}]}, "damaged"),
        ({"segments": 5}, "damaged"),
    ],
)
def test_a_session_that_does_not_fit_is_refused(session: Session, change: dict, words: str) -> None:
    session.start("a")
    document = session.as_dict() | change
    with pytest.raises(UsageError, match=words):
        Session.replay(volume(), [CubeModel()], document)
    with pytest.raises(UsageError, match="not a session"):
        Session.replay(volume(), [CubeModel()], [1])


def test_a_session_with_two_segments_of_one_name_or_a_class_that_is_no_number_is_refused(session: Session) -> None:
    session.start("a")
    document = session.as_dict()
    for segments in ([*document["segments"], *document["segments"]], [{**document["segments"][0], "class_id": True}]):
        with pytest.raises(UsageError, match="damaged"):
            Session.replay(volume(), [CubeModel()], document | {"segments": segments})


def test_a_damaged_prompt_is_told_as_damage_of_the_session(session: Session) -> None:
    session.start("a")
    session.add(at(session, 4, 4, 4), "a")
    document = session.as_dict()
    document["segments"][0]["steps"][0]["prompt"]["kind"] = 1.5
    with pytest.raises(UsageError, match="saved session is damaged: This is not a prompt"):
        Session.replay(volume(), [CubeModel()], document)


def test_a_prompt_of_a_model_that_the_session_does_not_list_is_damage(session: Session) -> None:
    session.start("a")
    session.add(at(session, 4, 4, 4), "a")
    document = session.as_dict()
    document["segments"][0]["steps"][0]["record"]["model"] = "other"
    with pytest.raises(UsageError, match="saved session is damaged"):
        Session.replay(volume(), [CubeModel()], document)


def test_a_session_of_another_scan_is_refused(session: Session) -> None:
    with pytest.raises(UsageError, match="another volume"):
        Session.replay(volume(seed=1), [CubeModel()], session.as_dict())


def test_a_session_of_the_same_scan_read_from_another_file_is_taken(session: Session) -> None:
    session.start("a")
    session.add(at(session, 4, 4, 4), "a")
    scan, turned = volume(), volume().ijk_to_ras.copy()
    turned[:3] *= 1 + 2**-50
    again = Session.replay(Volume.from_array(scan.array, turned, axes="kji"), [CubeModel()], session.as_dict())
    assert np.array_equal(full(again, "a"), full(session, "a"))
    turned[0, 3] += 0.01
    with pytest.raises(UsageError, match="another volume"):
        Session.replay(Volume.from_array(scan.array, turned, axes="kji"), [CubeModel()], session.as_dict())


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["add", "remove", "refused", "cancelled", "undo", "redo", "clear", "mask"]),
        st.sampled_from(["a", "b"]),
        st.integers(1, 8),
    ),
    max_size=25,
)


@given(ACTIONS)
@settings(max_examples=1000, deadline=None)
def test_any_sequence_of_steps_keeps_masks_and_histories_true(actions: list[tuple[str, str, int]]) -> None:
    """Against a plain model of the same: lists of full masks."""
    session = Session(volume(), CubeModel())
    expected: dict[str, tuple[list[np.ndarray], list[int]]] = {}
    for name in ("a", "b"):
        session.start(name)
        expected[name] = ([np.zeros(SHAPE, bool)], [0])
    starts = {"a": {0: 0}, "b": {0: 0}}
    for action, name, place in actions:
        _act(session, expected[name], starts[name], action, name, place)
        for other, (states, now) in expected.items():
            assert np.array_equal(full(session, other), states[now[0]])


def _act(
    session: Session,
    expected: tuple[list[np.ndarray], list[int]],
    starts: dict[int, int],
    action: str,
    name: str,
    place: int,
) -> None:
    """Do one thing in the session and in the plain model of it; `expected` is (masks, [which of them holds])."""
    states, now = expected
    mask = states[now[0]].copy()
    if action == "refused":
        with pytest.raises(InputError):
            session.add(at(session, 0, 3, 3), name)
        return
    if action == "cancelled":
        with pytest.raises(CancelledError):
            session.add(at(session, place, 3, 3), name, _cancel)
        return
    if action in ("undo", "redo"):
        getattr(session, action)(name)
        now[0] = max(now[0] - 1, 0) if action == "undo" else min(now[0] + 1, len(states) - 1)
        return
    if action in ("add", "remove"):
        session.add(at(session, place, 3, 3, action == "add"), name)
        mask[2:5, 2:5, place - 1 : place + 2] = action == "add"
    elif action == "clear":
        session.clear(name)
        if starts[now[0]] == now[0]:
            return
        mask = states[starts[now[0]]].copy()
    else:
        mask = np.random.default_rng(place).random(SHAPE) < 0.2
        session.set_mask(name, mask)
    start = now[0] + 1 if action in ("clear", "mask") else starts[now[0]]
    states[now[0] + 1 :] = [mask]
    now[0] += 1
    starts[now[0]] = start


def _cancel(stage: str, done: int, total: int) -> None:
    raise CancelledError("stop")


DEEP: list = []
for _ in range(100_000):
    DEEP = [DEEP]

ODD = [None, True, -1, 1.5, "5", float("inf"), float("nan"), 10**400, [], [[1]], {}, {"a": 1}, 2**40, DEEP]


def places(values: object, path: tuple = ()) -> list[tuple]:
    """The way to each value in nested lists and objects."""
    inner = values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else ()
    return [path, *(place for key, value in inner for place in places(value, (*path, key)))]


def test_any_value_of_a_saved_session_that_is_of_another_kind_is_refused_or_harmless(session: Session) -> None:
    session.start("a", 1)
    session.add(at(session, 4, 4, 4), "a")
    session.set_mask("b", np.random.default_rng(1).random(SHAPE) < 0.5)
    session.add(at(session, 3, 3, 3), "b")
    session.amend("b", BoxedMask.of(np.ones((2, 2, 2)), (2, 2, 2)))
    refused = 0
    for place in places(session.as_dict())[1:]:
        for odd in ODD:
            document = json.loads(json.dumps(session.as_dict()))
            *way, last = place
            inner = document
            for key in way:
                inner = inner[key]
            inner[last] = odd
            try:
                Session.replay(volume(), [CubeModel()], document)
            except VistaSegError as error:
                refused += 1
                assert len(str(error)) < 500
    assert refused > 500


@pytest.mark.parametrize("stop", [[9, 8, 7], [65536, 65536, 16], [9, 8, 2**40]])
def test_a_mask_is_not_inflated_beyond_the_volume(session: Session, stop: list[int]) -> None:
    """A box of 8.6 GB, or one of the volume with as much behind it."""
    bomb = zlib.compressobj(9)
    packed = b"".join([*(bomb.compress(bytes(2**20)) for _ in range(64)), bomb.flush()])
    session.set_mask("a", np.ones(SHAPE, bool))
    document = session.as_dict()
    document["segments"][0]["start"] |= {"start": [0, 0, 0], "stop": stop, "bits": base64.b64encode(packed).decode()}
    tracemalloc.start()
    with pytest.raises(UsageError, match="damaged"):
        Session.replay(volume(), [CubeModel()], document)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


@pytest.mark.parametrize("count", [0, 1, 10_000])
def test_a_mask_of_another_number_of_bits_than_its_box_is_damage(session: Session, count: int) -> None:
    session.set_mask("a", np.ones(SHAPE, bool))
    document = session.as_dict()
    document["segments"][0]["start"]["bits"] = base64.b64encode(zlib.compress(bytes(count))).decode()
    with pytest.raises(UsageError, match="damaged"):
        Session.replay(volume(), [CubeModel()], document)


def test_the_mask_of_a_step_is_not_inflated_beyond_its_box_either(session: Session) -> None:
    session.start("a")
    session.add(Point((10.0, 0.0, 0.0)), "a")
    document = session.as_dict()
    packed = zlib.compress(bytes(2**24))
    mask = {"start": [0, 0, 0], "stop": [9, 8, 7], "bits": base64.b64encode(packed).decode()}
    document["segments"][0]["steps"][0]["mask"] = mask
    tracemalloc.start()
    with pytest.raises(UsageError, match="damaged"):
        Session.replay(volume(), [CubeModel()], document)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000
