"""Where a run says what a user should know of it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from vistaseg.progress import Progress, silent


class Reporter(Protocol):
    """Takes messages and shows progress."""

    def warn(self, text: str) -> None:
        """A doubt."""

    def tell(self, text: str) -> None:
        """What happens."""

    def progress(self) -> AbstractContextManager[Progress]:
        """Progress of one piece of work, shown while the block runs."""


class Silent:
    """Says nothing, for callers who read the notes of the result; progress goes to a function.

    Args:
        progress: may raise `CancelledError`.
    """

    def __init__(self, progress: Progress = silent) -> None:
        self._progress = progress

    def warn(self, text: str) -> None:
        """A doubt; the result has it too."""

    def tell(self, text: str) -> None:
        """What happens."""

    def progress(self) -> AbstractContextManager[Progress]:
        """The function."""
        return nullcontext(self._progress)
