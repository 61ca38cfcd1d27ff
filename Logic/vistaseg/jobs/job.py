"""A piece of work that was handed to the worker, as its host sees it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from enum import Enum
from typing import Any

from vistaseg.progress import Progress

Work = Callable[[Progress], Any]


class JobState(Enum):
    """Where a job stands; all but the first two are final.

    A job that was computed counts as running until `Worker.poll` delivers what came of it.
    """

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    DROPPED = "dropped"


class Job:
    """Made by `Worker.submit`.

    Attributes:
        key: what the work is for, or None.
        idle: whether it gives way to work that is not.
        state: see `JobState`.
        note: a sentence for the user on why no result comes, or "".
    """

    def __init__(self, work: Work, key: Hashable | None, idle: bool, cancel: Callable[[Job], None]) -> None:
        self.key, self.idle = key, idle
        self.state, self.note = JobState.QUEUED, ""
        self.work: Work | None = work
        self.cancel_asked = self.gives_way = False
        self._cancel = cancel

    def cancel(self) -> None:
        """Stop the work at its next report of progress, or never start it; its result is not delivered.

        From any thread. A job that is over stays as it is.
        """
        self._cancel(self)

    def end(self, state: JobState, note: str = "") -> None:
        """Come to a final state, and let go of the work and what it holds."""
        self.state, self.note, self.work = state, note, None
