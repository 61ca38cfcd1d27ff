"""A worker, a host that remembers what it was told, and work that waits until a test lets it go on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from threading import Event, get_ident
from typing import Any

import pytest

from vistaseg.jobs import Job, Worker
from vistaseg.progress import Progress

PATIENCE_S = 20.0


class Host:
    """Submits to a worker, polls it, and keeps (name of the work, what was told, content) in order."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.told: list[tuple[str, str, Any]] = []
        self.threads: set[int] = set()

    def submit(self, name: str, work: Callable[[Progress], Any], key: object = None, **options: Any) -> Job:
        callbacks = {
            f"on_{what}": partial(self._hear, name, what) for what in ("done", "failed", "progress", "dropped")
        }
        return self.worker.submit(work, key, **(callbacks | options))

    def heard(self, *whats: str) -> list[tuple[str, str]]:
        """(name, what) in order, of these kinds; without kinds all but progress."""
        return [(name, what) for name, what, _ in self.told if what in (whats or ("done", "failed", "dropped"))]

    def content(self, name: str, what: str) -> Any:
        return next(content for *about, content in self.told if about == [name, what])

    def settle(self) -> None:
        """Poll until nothing is to come."""
        wait_until(lambda: self.worker.poll() or not self.worker.busy)

    def _hear(self, name: str, what: str, content: Any) -> None:
        self.threads.add(get_ident())
        self.told.append((name, what, content))


class Gate:
    """Work that tells when it has begun, and then reports progress until it is opened."""

    def __init__(self, result: Any = "through") -> None:
        self.result, self.begun, self.opened = result, Event(), Event()
        self.reports = 0

    def __call__(self, progress: Progress) -> Any:
        self.begun.set()
        while not self.opened.wait(0.001):
            progress("waiting", self.reports, 10**6)
            self.reports += 1
        return self.result


def wait_until(condition: Callable[[], Any]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.0005)


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker()
    yield worker
    assert worker.close(PATIENCE_S)


@pytest.fixture
def host(worker: Worker) -> Host:
    return Host(worker)


@pytest.fixture
def make_host() -> Callable[[Worker], Host]:
    return Host


@pytest.fixture
def gate(host: Host) -> Gate:
    """Work that holds the worker until it is opened; running."""
    gate = Gate()
    host.submit("gate", gate)
    assert gate.begun.wait(PATIENCE_S)
    return gate


@pytest.fixture
def make_gate() -> Callable[..., Gate]:
    return Gate


@pytest.fixture
def until() -> Callable[[Callable[[], Any]], None]:
    return wait_until
