"""What the host's thread and the worker's thread share: the queue of jobs, and what came of them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from queue import SimpleQueue
from threading import RLock
from typing import Any

from vistaseg.errors import CancelledError
from vistaseg.jobs.job import Job, JobState, Work
from vistaseg.jobs.timing import ProgressReport

CANCELLED_NOTE = "Cancelled."
SUPERSEDED_NOTE = "A later question about the same took its place."


@dataclass(frozen=True, eq=False)
class Event:
    """News of a job for its host.

    Attributes:
        state: RUNNING for a report of progress, else the state that the job comes to.
        content: the report, the result of DONE, the exception of FAILED, else None.
    """

    job: Job
    state: JobState
    content: Any = None


class Board:
    """Queue and news; every method may be called from any thread.

    It never refers to the worker or its host, so that these can be garbage while the thread still runs.
    """

    def __init__(self) -> None:
        self.closed = False
        self._lock = RLock()
        self._queue: list[Job] = []
        self._running: Job | None = None
        self._news: deque[Event] = deque()
        # A put into this queue is safe even from the garbage collector, which may run while the lock is held.
        self._wake: SimpleQueue[None] = SimpleQueue()

    @property
    def busy(self) -> bool:
        """Whether any job is queued or running, or has news."""
        with self._lock:
            return bool(self._queue or self._running or self._news)

    def put(self, job: Job) -> None:
        """Queue a job, in place of those of its key that wait.

        Raises:
            RuntimeError: closed.
        """
        with self._lock:
            if self.closed:
                raise RuntimeError("The worker was closed.")
            for other in [one for one in self._queue if _supersedes(job, one)]:
                self._leave_queue(other, JobState.SUPERSEDED, SUPERSEDED_NOTE)
            self._queue.append(job)
            if self._running is not None and self._running.idle and not job.idle:
                self._running.gives_way = True
        self._wake.put(None)

    def cancel(self, job: Job) -> None:
        """See `Job.cancel`."""
        with self._lock:
            job.cancel_asked = True
            if job in self._queue:
                self._leave_queue(job, JobState.CANCELLED, CANCELLED_NOTE)

    def take(self) -> tuple[Job, Work] | None:
        """Wait for a job and start it; None when there will be none any more."""
        while not self.closed:
            with self._lock:
                started = self._start_next()
            if started is not None:
                return started
            self._wake.get()
        return None

    def report(self, job: Job, report: ProgressReport) -> None:
        """Tell how far the running job is; what was said before and not yet heard is replaced.

        Raises:
            CancelledError: the job is to stop.
        """
        with self._lock:
            if self.closed or job.cancel_asked or job.gives_way:
                raise CancelledError(CANCELLED_NOTE)
            if self._news and self._news[-1].job is job:
                self._news.pop()
            self._news.append(Event(job, JobState.RUNNING, report))

    def finish(self, event: Event) -> None:
        """Tell what came of the running job."""
        with self._lock:
            self._running = None
            if not self.closed:
                self._news.append(event)

    def news(self) -> int:
        """How many events there are."""
        with self._lock:
            return len(self._news)

    def next_event(self) -> Event | None:
        """Take the oldest event."""
        with self._lock:
            return self._news.popleft() if self._news else None

    def stop(self) -> None:
        """Let the thread end; without the lock, for the garbage collector and the end of the interpreter."""
        self.closed = True
        self._wake.put(None)

    def close(self) -> None:
        """Cancel everything and let the thread end."""
        with self._lock:
            self.stop()
            running = [] if self._running is None else [self._running]
            for job in [*self._queue, *running, *(event.job for event in self._news)]:
                if job.state in (JobState.QUEUED, JobState.RUNNING):
                    job.end(JobState.CANCELLED, CANCELLED_NOTE)
            self._queue.clear()
            self._news.clear()

    def _start_next(self) -> tuple[Job, Work] | None:
        job = next((one for one in self._queue if not one.idle), self._queue[0] if self._queue else None)
        if job is None or job.work is None or self.closed:
            return None
        self._queue.remove(job)
        self._running, job.state = job, JobState.RUNNING
        return job, job.work

    def _leave_queue(self, job: Job, state: JobState, note: str) -> None:
        self._queue.remove(job)
        job.end(state, note)
        self._news.append(Event(job, state))


def _supersedes(later: Job, earlier: Job) -> bool:
    """Work that was only done ahead does not replace what somebody waits for."""
    return later.key is not None and later.key == earlier.key and (earlier.idle or not later.idle)
