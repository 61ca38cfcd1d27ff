"""A stand-in for a model whose jobs stop where a test wants them to, so that something else happens just then."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event
from typing import Any

from fake_model import FakeModel, FakeVolume

from vistaseg.progress import Progress
from vistaseg.volume import Volume

LONGEST_S = 30.0
"""A stop ends by itself after this, so that a test that fails does not hang."""


class Stops:
    """Where the worker's thread waits for the test."""

    def __init__(self) -> None:
        self._stage = ""
        self._reached, self._go = Event(), Event()

    def hold(self, stage: str) -> None:
        """Have the next work that comes to a stage wait there."""
        self._reached.clear()
        self._go.clear()
        self._stage = stage

    def release(self) -> None:
        """Let it go on, and hold nothing any more."""
        self._stage = ""
        self._go.set()

    @property
    def reached(self) -> bool:
        """Whether work waits."""
        return self._reached.is_set()

    def at(self, stage: str) -> None:
        """The work has come to a stage; in the worker's thread."""
        if stage == self._stage:
            self._stage = ""
            self._reached.set()
            self._go.wait(LONGEST_S)


class SteppedVolume(FakeVolume):
    """Stops between its first window and the second."""

    def __init__(self, volume: Volume, model: FakeModel, stops: Stops) -> None:
        super().__init__(volume, model)
        self._stops = stops

    def _work(self, progress: Progress) -> None:
        progress("windows", 0, 2)
        self._stops.at("computing")
        progress("windows", 1, 2)


class SteppedModel(FakeModel):
    """Its volumes stop."""

    def __init__(self, key: str, stops: Stops) -> None:
        super().__init__(key)
        self._stops = stops

    def open(self, volume: Volume) -> FakeVolume:
        return SteppedVolume(volume, self, self._stops)


class SteppedModels:
    """What a workspace loads: `Workspace(scene, models.__getitem__)`; stops while it loads a model."""

    def __init__(self, stops: Stops) -> None:
        self._stops = stops

    def __getitem__(self, key: str) -> SteppedModel:
        self._stops.at("loading")
        return SteppedModel(key, self._stops)


def bring_to(stage: str, stops: Stops, workspace: Any, start: Callable[[], Any]) -> None:
    """Start a job and stop it at a stage, without anything of it being delivered.

    Args:
        stage: "queued", "loading", "computing" or "arrived".
        start: submits the job; one that is to be loading has to load a model.
    """
    if stage == "queued":
        stops.hold("before")
        workspace.run("Something else", lambda progress: stops.at("before"))
        wait_for(lambda: stops.reached)
        start()
        return
    if stage == "loading":
        workspace.forget_models()
    stops.hold("nothing" if stage == "arrived" else stage)
    start()
    wait_for((lambda: is_computed(workspace)) if stage == "arrived" else (lambda: stops.reached))


def is_computed(workspace: Any) -> bool:
    """Whether nothing is queued or running; what was computed may still have to be delivered."""
    board = workspace._tasks._worker._board
    return board._running is None and not board._queue


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait for the worker's thread: sleeping lends it Python's lock, and nothing is delivered."""
    end = time.monotonic() + LONGEST_S
    while not condition():
        assert time.monotonic() < end, "the job did not come there in time"
        time.sleep(0.001)
