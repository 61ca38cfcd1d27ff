"""How far work has come, and how long it will still take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ProgressReport:
    """`done` of `total` steps of `stage` are finished.

    Attributes:
        seconds: since the job was started.
        seconds_left: an estimate for this stage, None while there is nothing to estimate it from.
    """

    stage: str
    done: int
    total: int
    seconds: float
    seconds_left: float | None


class Timing:
    """Makes reports of one job's steps; each stage is timed on its own, from its first step on.

    Args:
        start: time when the job began, s.
    """

    def __init__(self, start: float) -> None:
        self._start = self._stage_start = start
        self._stage: tuple[str, int] | None = None
        self._done_at_first = self._done = 0

    def report(self, stage: str, done: int, total: int, now: float) -> ProgressReport:
        """The report at the time `now`, s, on the clock of `start`."""
        if (stage, total) != self._stage or done < self._done:
            self._stage, self._stage_start, self._done_at_first = (stage, total), now, done
        self._done = done
        return ProgressReport(stage, done, total, now - self._start, self._seconds_left(done, total, now))

    def _seconds_left(self, done: int, total: int, now: float) -> float | None:
        if done >= total:
            return 0.0
        steps = done - self._done_at_first
        return (now - self._stage_start) / steps * (total - done) if steps else None
