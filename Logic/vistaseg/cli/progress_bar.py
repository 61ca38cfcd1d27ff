"""A progress bar with the time left, on standard error."""

from __future__ import annotations

import sys
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

SPEED_PERIOD_S = 1200.0
"""Steps that the time left is estimated from; a window can take a minute, and the estimate needs several."""


class ProgressBar:
    """A `vistaseg.progress.Progress` that draws itself on one line; silent where standard error is no terminal."""

    def __init__(self) -> None:
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            speed_estimate_period=SPEED_PERIOD_S,
        )
        self._shown = sys.stderr.isatty()
        self._stage = ""
        self._task: TaskID | None = None

    def __enter__(self) -> ProgressBar:
        if self._shown:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            self._bar.stop()

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Move the bar; another stage begins it anew."""
        if self._task is None or stage != self._stage:
            self._begin(stage, total)
        if self._task is not None:
            self._bar.update(self._task, completed=done, total=total)

    def _begin(self, stage: str, total: int) -> None:
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._stage, self._task = stage, self._bar.add_task(stage, total=total)
