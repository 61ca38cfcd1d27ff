"""How long work reports where it stands and learns that it should stop."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called by long work at least once a window.

    An implementation that raises `vistaseg.errors.CancelledError` stops the work there; nothing is left half-done.
    """

    def __call__(self, stage: str, done: int, total: int) -> None:
        """`done` of `total` steps of `stage` ("windows", …) are finished."""


def silent(stage: str, done: int, total: int) -> None:
    """Progress without a display."""
