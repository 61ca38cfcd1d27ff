"""The worker thread, and the host's end of it.

Errors of the work travel as they are, with their traceback; only the host's thread runs the host's code.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from threading import Thread, current_thread
from typing import Any, TypeVar

from vistaseg.errors import CancelledError
from vistaseg.jobs.board import CANCELLED_NOTE, Board, Event
from vistaseg.jobs.job import Job, JobState, Work
from vistaseg.jobs.timing import ProgressReport, Timing
from vistaseg.progress import Progress

T = TypeVar("T")

TOO_LATE_NOTE = "The result came too late: what it was for has changed or is gone."
GAVE_WAY_NOTE = "It gave way to other work."


@dataclass(frozen=True)
class _Host:
    """What the host wants to hear of a job."""

    done: Callable[[Any], None] | None
    failed: Callable[[BaseException], None] | None
    progress: Callable[[ProgressReport], None] | None
    dropped: Callable[[Job], None] | None
    valid: Callable[[], bool]
    lasting: bool


class Worker:
    """One thread that works off jobs one after the other.

    The host calls `poll` from a timer and `close` at its end. A worker that is forgotten ends by itself, and never
    keeps the interpreter alive.
    """

    def __init__(self) -> None:
        self._board = Board()
        self._hosts: dict[Job, _Host] = {}
        self._polling = False
        self._thread = Thread(target=_work_off, args=(self._board,), name="vistaseg-worker", daemon=True)
        self._thread.start()
        self._stop = weakref.finalize(self, self._board.stop)

    @property
    def busy(self) -> bool:
        """Whether anything is queued, running or to be delivered; if not, a timer may rest."""
        return self._board.busy

    def submit(
        self,
        work: Callable[[Progress], T],
        key: Hashable | None = None,
        *,
        idle: bool = False,
        lasting: bool = False,
        valid: Callable[[], bool] = lambda: True,
        on_done: Callable[[T], None] | None = None,
        on_failed: Callable[[BaseException], None] | None = None,
        on_progress: Callable[[ProgressReport], None] | None = None,
        on_dropped: Callable[[Job], None] | None = None,
    ) -> Job:
        """Queue work. Jobs run in the order in which they come, those that are not idle first.

        Of each job the host hears, after its progress, one of `on_done`, `on_failed` and `on_dropped`; nothing of
        an idle job that gave way.

        Args:
            work: called in the thread; it has to call the progress that it is given, and to let the CancelledError
                pass that comes from there.
            key: what the work is for, such as a segment. Jobs of the same key that wait in the queue are superseded,
                so the work must cover what these were to do; one that runs is left to finish. Work that is idle
                supersedes only idle work.
            idle: work ahead of any question. It runs when nothing else is queued, and stops for other work at its
                next report of progress.
            lasting: what it does stays, as files do. Where it is cancelled after it was done, its result is delivered.
            valid: called before each delivery; if it returns False, progress is not reported, and the result or
                error is dropped.
            on_done: called with the result.
            on_failed: called with the exception; without it the exception comes out of `poll`.
            on_progress: called with the latest report since the last `poll`.
            on_dropped: called with a job that will give no result; its state and note say why.

        Raises:
            RuntimeError: the worker was closed.
        """
        job = Job(work, key, idle, self._board.cancel)
        self._hosts[job] = _Host(on_done, on_failed, on_progress, on_dropped, valid, lasting)
        try:
            self._board.put(job)
        except RuntimeError:
            del self._hosts[job]
            raise
        return job

    def poll(self) -> None:
        """Deliver the news there is, in order, in this thread; from within a callback it does nothing.

        Raises:
            BaseException: of a callback, after which the next poll goes on where this one stopped; or of a job
                without `on_failed`.
        """
        if self._polling:
            return
        self._polling = True
        try:
            for _ in range(self._board.news()):
                self._deliver_next()
        finally:
            self._polling = False

    def close(self, timeout: float | None = None) -> bool:
        """Cancel everything and wait for the thread; nothing is delivered any more.

        Args:
            timeout: s to wait for a report of progress of the work that runs; None waits as long as it takes.

        Returns:
            Whether the thread has ended.
        """
        self._board.close()
        self._hosts.clear()
        if self._thread is not current_thread():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _deliver_next(self) -> None:
        event = self._board.next_event()
        host = None if event is None else self._hosts.get(event.job)
        if event is None or host is None:
            return
        if event.state is JobState.RUNNING:
            _deliver_progress(event, host)
            return
        del self._hosts[event.job]
        _deliver_end(event, host)


def _deliver_progress(event: Event, host: _Host) -> None:
    if host.progress is not None and not event.job.cancel_asked and host.valid():
        host.progress(event.content)


def _deliver_end(event: Event, host: _Host) -> None:
    job = event.job
    if event.state is JobState.DONE and job.cancel_asked and not host.lasting:
        job.end(JobState.CANCELLED, CANCELLED_NOTE)
    elif event.state is JobState.CANCELLED and job.gives_way and not job.cancel_asked:
        job.end(JobState.DROPPED, GAVE_WAY_NOTE)
        return
    elif event.state in (JobState.DONE, JobState.FAILED):
        # Beforehand, so that a `valid` that fails does not leave a job that runs for ever.
        job.end(JobState.DROPPED, TOO_LATE_NOTE)
        if host.valid():
            job.end(event.state)
            _tell(event, host)
            return
    elif event.state is JobState.CANCELLED:
        job.end(JobState.CANCELLED, CANCELLED_NOTE)
    if host.dropped is not None:
        host.dropped(job)


def _tell(event: Event, host: _Host) -> None:
    if event.state is JobState.FAILED:
        if host.failed is None:
            raise event.content
        host.failed(event.content)
    elif host.done is not None:
        host.done(event.content)


def _work_off(board: Board) -> None:
    """What the thread does; no reference to a job is kept while it waits for the next."""
    while (started := board.take()) is not None:
        board.finish(_outcome(*started, board))
        del started


def _outcome(job: Job, work: Work, board: Board) -> Event:
    timing = Timing(time.monotonic())

    def progress(stage: str, done: int, total: int) -> None:
        board.report(job, timing.report(stage, done, total, time.monotonic()))

    try:
        return Event(job, JobState.DONE, work(progress))
    except CancelledError:
        return Event(job, JobState.CANCELLED)
    except BaseException as error:  # whatever it is, it is the host's to judge, and the thread lives on
        return Event(job, JobState.FAILED, error)
