"""What users wait for: jobs with titles, their progress, and what is said when they end."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TypeVar

from vistaseg.errors import VistaSegError
from vistaseg.jobs import Job, JobState, ProgressReport, Worker
from vistaseg.progress import Progress
from vistaseg.workspace.messages import Messages

T = TypeVar("T")

CANCELLING = "Cancelling: "
STOPPED_NOTE = "Stopped: what it was for has changed or is gone. Nothing else was changed."


@dataclass(frozen=True)
class Task:
    """What the user waits for.

    Attributes:
        title: what it is, for the user.
        report: how far it has come; None before it has said so.
    """

    title: str
    report: ProgressReport | None = None


class Tasks:
    """The worker with a title for each job.

    Args:
        messages: for errors and late results.
        changed: called when a job is submitted, reports or ends.
    """

    def __init__(self, messages: Messages, changed: Callable[[], None]) -> None:
        self._messages, self._changed = messages, changed
        self._worker = Worker()
        self._tasks: dict[Job, Task] = {}
        self._valid: dict[Job, Callable[[], bool]] = {}
        self._stopped: set[Job] = set()
        self._silent: set[Job] = set()

    @property
    def busy(self) -> bool:
        """Whether the host has to poll."""
        return self._worker.busy

    @property
    def first(self) -> Task | None:
        """The one that was submitted first of those that are not over."""
        return next(iter(self._tasks.values()), None)

    def poll(self) -> None:
        """Deliver what there is; to be called from a timer of the host.

        Raises:
            BaseException: of a `done`, unless it is meant for the user.
        """
        self._worker.poll()

    def submit(
        self,
        title: str,
        work: Callable[[Progress], T],
        done: Callable[[T], None],
        *,
        valid: Callable[[], bool] = lambda: True,
        lasting: bool = False,
        reported: Callable[[], None] = lambda: None,
        ended: Callable[[], None] = lambda: None,
    ) -> Job:
        """Queue work for the user.

        Args:
            work: called in the worker's thread.
            done: called with the result, in the host's thread.
            valid: called before; a result that is not valid is dropped, with a message.
            lasting: see `Worker.submit`.
            reported: called in the host's thread after the work has reported progress; not once it was cancelled.
            ended: called in every case, after `done`.
        """

        def end(tell: Callable[[T], None], content: T) -> None:
            self._tasks.pop(job, None)
            self._valid.pop(job, None)
            try:
                tell(content)
            except VistaSegError as error:
                self._messages.add_error(error)
            finally:
                self._silent.discard(job)
                self._stopped.discard(job)
                ended()
                self._changed()

        def hear(report: ProgressReport) -> None:
            self._report(job, Task(title, report))
            reported()

        job = self._worker.submit(
            work,
            valid=valid,
            lasting=lasting,
            on_done=lambda result: end(done, result),
            on_failed=lambda error: end(lambda _: self._tell_failed(job, error), None),  # type: ignore[arg-type]
            on_dropped=lambda dropped: end(lambda _: self._tell_dropped(dropped), None),  # type: ignore[arg-type]
            on_progress=hear,
        )
        self._valid[job] = valid
        self._report(job, Task(title))
        return job

    def submit_idle(self, work: Callable[[Progress], None], key: Hashable, valid: Callable[[], bool]) -> None:
        """Queue work ahead of any question; if it fails, the question itself will say why."""
        self._worker.submit(work, key, idle=True, valid=valid, on_failed=lambda _: None)

    def cancel(self, silently: bool = False) -> None:
        """Cancel everything that was submitted.

        Args:
            silently: nothing is said of it when it ends.
        """
        for job in tuple(self._tasks):
            self._cancel(job)
            if silently:
                self._silent.add(job)
        self._changed()

    def stop_invalid(self) -> None:
        """Cancel work whose result has no receiver any more."""
        invalid = [job for job, valid in self._valid.items() if not job.cancel_asked and not valid()]
        for job in invalid:
            self._stopped.add(job)
            self._cancel(job)
        if invalid:
            self._changed()

    def close(self, timeout: float) -> None:
        """Cancel everything and wait some seconds for the thread to end; nothing is delivered any more."""
        self._tasks.clear()
        self._valid.clear()
        self._worker.close(timeout)

    def _report(self, job: Job, task: Task) -> None:
        self._tasks[job] = task
        self._changed()

    def _cancel(self, job: Job) -> None:
        """It stops at its next report of progress, which is not passed on any more."""
        job.cancel()
        title = self._tasks[job].title
        self._tasks[job] = Task(title if title.startswith(CANCELLING) else CANCELLING + title)

    def _tell_failed(self, job: Job, error: BaseException) -> None:
        if job not in self._silent:
            self._messages.add_error(error)

    def _tell_dropped(self, job: Job) -> None:
        if job in self._silent:
            return
        if job in self._stopped:
            self._messages.add("warning", STOPPED_NOTE)
        elif job.state is JobState.CANCELLED:
            self._messages.add("info", "Cancelled. Nothing was changed.")
        elif job.state is JobState.DROPPED:
            self._messages.add("warning", job.note)
