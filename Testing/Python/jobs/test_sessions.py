"""A thousand users of a session behind a worker, who do anything at any moment: against a plain model of the same."""

from __future__ import annotations

import gc
import random
import threading
import weakref
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import numpy as np
import pytest

from vistaseg.errors import InputError
from vistaseg.geometry.box import VoxelBox
from vistaseg.jobs import Job, JobState, Worker
from vistaseg.masks.boxed import MaskChange
from vistaseg.models.protocol import ModelIdentity, PromptAnswer, PromptQuestion
from vistaseg.progress import Progress
from vistaseg.prompts import Point
from vistaseg.session import Session
from vistaseg.volume import Volume

SEQUENCES, STEPS = 1000, 20
SHAPE = (7, 8, 9)
# How often, in parts of the whole.
ACTIONS = {"ask": 6, "let": 4, "undo": 2, "redo": 2, "clear": 1, "mask": 1, "cancel": 1, "close": 0.3, "lose": 0.3}
SEGMENTS = ("a", "b")
VOLUME = Volume.from_array(np.zeros(SHAPE, np.int16), np.diag([-1.0, -1.0, 1.0, 1.0]), axes="kji")
OVER = set(JobState) - {JobState.QUEUED, JobState.RUNNING}
PATIENCE_S = 20.0


def cube(place: int) -> VoxelBox:
    return VoxelBox((place - 1, 2, 2), (place + 2, 5, 5))


class Cubes:
    """A prompt adds or takes away a cube, when it is let; prompts at i = 0 are refused."""

    def __init__(self, begun: SimpleQueue[threading.Event], free: threading.Event) -> None:
        self.begun, self.free = begun, free

    def answer(self, question: PromptQuestion, progress: Progress) -> PromptAnswer:
        let = threading.Event()
        self.begun.put(let)
        progress("windows", 0, 1)
        while not (self.free.is_set() or let.wait(0.0005)):
            progress("windows", 0, 1)
        prompt = question.prompts[-1]
        assert isinstance(prompt, Point)
        place = round(VOLUME.ras_to_index([prompt.ras])[0][0])
        if place == 0:
            raise InputError("outside")
        extent = cube(place)
        all_of_it = np.ones(extent.shape_kji, bool)
        pair = (all_of_it, ~all_of_it) if prompt.positive else (~all_of_it, all_of_it)
        return PromptAnswer(MaskChange.in_box(*pair, extent), {})


class CubeModel:
    identity = ModelIdentity("cubes", "Cubes", "cd" * 32)
    class_ids = (1,)
    computed_on = {"device": "cpu", "precision": "fp32"}
    takes = frozenset((Point,))
    notice = ""

    def __init__(self, free: bool) -> None:
        self.begun: SimpleQueue[threading.Event] = SimpleQueue()
        self.free = threading.Event()
        if free:
            self.free.set()

    def open(self, volume: Volume) -> Any:
        return Cubes(self.begun, self.free)


class Plain:
    """One segment as a list of (mask, mask at the start, number of prompts since)."""

    def __init__(self) -> None:
        nothing = np.zeros(SHAPE, bool)
        self.states, self.at = [(nothing, nothing, 0)], 0

    @property
    def state(self) -> tuple[np.ndarray, np.ndarray, int]:
        return self.states[self.at]

    def push(self, mask: np.ndarray, start: np.ndarray, prompts: int) -> None:
        self.states[self.at + 1 :] = [(mask, start, prompts)]
        self.at += 1

    def add(self, place: int, positive: bool) -> None:
        mask, start, prompts = self.state
        mask = mask.copy()
        mask[cube(place).slices_kji] = positive
        self.push(mask, start, prompts + 1)

    def undo(self) -> None:
        self.at = max(self.at - 1, 0)

    def redo(self) -> None:
        self.at = min(self.at + 1, len(self.states) - 1)

    def clear(self) -> None:
        _, start, prompts = self.state
        if prompts:
            self.push(start, start, 0)


class Question:
    """A prompt that was submitted."""

    def __init__(self, segment: str, place: int, positive: bool) -> None:
        self.segment, self.place, self.positive = segment, place, positive
        self.told: list[Any] = []
        self.job: Job
        self.let: threading.Event | None = None
        self.asked_of: object = None


class User:
    """Acts by a seed. One who waits knows at each step where the worker is, one who does not leaves that to chance."""

    def __init__(self, seed: int, waits: bool) -> None:
        self.random, self.waits = random.Random(seed), waits
        self.worker, self.gone = Worker(), []
        self.open()

    def open(self) -> None:
        self.model = CubeModel(free=not self.waits)
        self.session = Session(VOLUME, self.model)
        self.plain = {name: Plain() for name in SEGMENTS}
        self.questions: list[Question] = []
        self.running: Question | None = None
        for name in SEGMENTS:
            self.session.start(name)

    def step(self) -> None:
        actions = {
            "ask": 6,
            "let": 4,
            "undo": 2,
            "redo": 2,
            "clear": 1,
            "mask": 1,
            "cancel": 1,
            "close": 0.3,
            "lose": 0.3,
        }
        getattr(self, self.random.choices(list(actions), list(actions.values()))[0])()
        self.wait_for_the_next()

    def ask(self) -> None:
        question = Question(self.random.choice(SEGMENTS), self.random.choice(range(8)), self.random.random() < 0.7)
        r, a, s = VOLUME.index_to_ras([[question.place, 3, 3]])[0]
        prompt, session = Point((r, a, s), question.positive), self.session
        here = weakref.ref(session)
        question.job = self.worker.submit(
            lambda progress: session.add(prompt, question.segment, progress),
            valid=lambda: self.session is here(),
            on_done=question.told.append,
            on_failed=question.told.append,
            on_dropped=question.told.append,
        )
        self.questions.append(question)

    def let(self) -> None:
        """The running prompt is answered; what comes of it hangs on what was done meanwhile."""
        self.worker.poll()
        question, self.running = self.running, None
        if question is None or question.let is None:
            return
        question.let.set()
        self.settle(question)
        plain = self.plain[question.segment]
        if question.place == 0:
            assert isinstance(question.told[0], InputError)
        elif plain.state is question.asked_of:
            plain.add(question.place, question.positive)
            assert np.array_equal(full(question.told[0]), plain.state[0])
        else:
            assert question.job.state is JobState.CANCELLED

    def cancel(self) -> None:
        if not self.questions:
            return
        question = self.random.choice(self.questions)
        question.job.cancel()
        if self.waits:
            self.settle(question)
        if question is self.running:
            self.running = None
            assert question.job.state is JobState.CANCELLED

    def undo(self) -> None:
        self.change("undo")

    def redo(self) -> None:
        self.change("redo")

    def clear(self) -> None:
        self.change("clear")

    def change(self, action: str) -> None:
        segment = self.random.choice(SEGMENTS)
        getattr(self.session, action)(segment)
        getattr(self.plain[segment], action)()

    def mask(self) -> None:
        segment = self.random.choice(SEGMENTS)
        mask = np.random.default_rng(self.random.randrange(1000)).random(SHAPE) < 0.2
        self.session.set_mask(segment, mask)
        self.plain[segment].push(mask, mask, 0)

    def close(self) -> None:
        """As when the panel is closed in the middle of everything."""
        assert self.worker.close(PATIENCE_S)
        told = [list(question.told) for question in self.questions]
        with pytest.raises(RuntimeError, match="closed"):
            self.worker.submit(lambda progress: None)
        self.worker.poll()
        assert [question.told for question in self.questions] == told
        assert all(question.job.state in OVER for question in self.questions)
        self.worker, self.running, self.questions = Worker(), None, []

    def lose(self) -> None:
        """As when the scan is taken away: nothing is told of it any more, and nothing of it is kept."""
        left = [question for question in self.questions if question.job.state not in OVER]
        if self.random.random() < 0.5:
            for question in left:
                question.job.cancel()
        self.model.free.set()
        self.gone.append(weakref.ref(self.session))
        self.open()
        self.settle(*left)
        assert all(question.job.state in (JobState.CANCELLED, JobState.DROPPED) for question in left)

    def settle(self, *questions: Question) -> None:
        waiting = threading.Event()
        for _ in range(int(PATIENCE_S / 0.0005)):
            self.worker.poll()
            if all(question.told for question in questions):
                return
            waiting.wait(0.0005)
        raise AssertionError("no answer came")

    def wait_for_the_next(self) -> None:
        """Until the worker holds a prompt, where there is one: the prompt is asked of the mask as it is then."""
        if not self.waits or self.running is not None:
            return
        waiting = [question for question in self.questions if question.job.state not in OVER]
        if waiting:
            self.running = waiting[0]
            self.running.let = self.model.begun.get(timeout=PATIENCE_S)
            self.running.asked_of = self.plain[self.running.segment].state

    def finish(self) -> None:
        while self.running is not None:
            self.let()
            self.wait_for_the_next()
        self.settle(*self.questions)


def full(answer: Any) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[answer.mask.box.slices_kji] = answer.mask.array
    return mask


def own_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "vistaseg-worker"]


def only_documented(user: User) -> bool:
    told = [one for question in user.questions for one in question.told]
    return not any(isinstance(one, Exception) and not isinstance(one, InputError) for one in told)


def run(waits: bool, check: Callable[[User], None]) -> None:
    threads, gone = own_threads(), []
    for seed in range(SEQUENCES // 2):
        user = User(2 * seed + waits, waits)
        for _ in range(STEPS):
            user.step()
            if waits:
                check(user)
        user.finish()
        check(user)
        assert only_documented(user)
        assert all(len(question.told) == 1 for question in user.questions)
        assert user.worker.close(PATIENCE_S)
        gone += [*user.gone, weakref.ref(user.session)]
        del user
    gc.collect()
    assert not any(session() for session in gone)
    assert own_threads() == threads


@pytest.mark.slow
def test_masks_are_those_of_a_plain_history_whatever_happens_meanwhile() -> None:
    def check(user: User) -> None:
        for name, plain in user.plain.items():
            assert np.array_equal(full(user.session.result(name)), plain.state[0])
            assert len(user.session.prompts(name)) == plain.state[2]

    run(waits=True, check=check)


@pytest.mark.slow
def test_masks_are_those_of_their_own_prompts_when_nobody_waits() -> None:
    """What was answered at the wrong moment would be in the mask and not in the prompts, or the other way round."""

    def check(user: User) -> None:
        again = Session.replay(VOLUME, [CubeModel(free=True)], user.session.as_dict())
        for name in SEGMENTS:
            assert np.array_equal(full(user.session.result(name)), full(again.result(name)))

    run(waits=False, check=check)
