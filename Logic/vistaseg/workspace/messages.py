"""What is said to the user: what happened, and what to do."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from vistaseg.errors import CancelledError, VistaSegError

Level = Literal["info", "warning", "error"]

KEPT = 100
"""Older messages are forgotten."""


@dataclass(frozen=True)
class Message:
    """One message.

    Attributes:
        text: what happened and what to do, for the user.
        details: for the person who helps the user, or nothing.
    """

    level: Level
    text: str
    details: str = ""


class Messages:
    """The messages so far, the latest last.

    Args:
        changed: called after each change.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._all: list[Message] = []
        self._begun = 0  # how many of them are of earlier steps

    @property
    def all(self) -> tuple[Message, ...]:
        """In the order in which they came."""
        return tuple(self._all)

    @property
    def latest(self) -> Message | None:
        """The last one since `begin`, if there is any."""
        return self._all[-1] if len(self._all) > self._begun else None

    def begin(self) -> None:
        """The user does something else: what was said of what came before is not the latest any more."""
        if self.latest is not None:
            self._begun = len(self._all)
            self._changed()

    def add(self, level: Level, text: str, details: str = "") -> None:
        """Say something; what was just said is not said twice."""
        message = Message(level, text, details)
        if message != self.latest:
            forgotten = max(len(self._all) + 1 - KEPT, 0)
            self._all = [*self._all[forgotten:], message]
            self._begun = max(self._begun - forgotten, 0)
            self._changed()

    def tell(self, text: str) -> None:
        """Say how something went, where there is anything to say."""
        if text:
            self.add("info", text)

    def add_error(self, error: BaseException) -> None:
        """Say what went wrong."""
        if isinstance(error, CancelledError):
            self.add("info", str(error))
        elif isinstance(error, VistaSegError):
            self.add("error", str(error), _trace(error) if error.__cause__ is not None else "")
        elif isinstance(error, MemoryError):
            self.add(
                "error", "The memory was not enough. Close other programs, or choose a smaller region.", _trace(error)
            )
        else:
            self.add(
                "error",
                f"Something unexpected went wrong ({type(error).__name__}: {error}). "
                "Please report it with the details.",
                _trace(error),
            )

    def clear(self) -> None:
        """Forget them."""
        self._all, self._begun = [], 0
        self._changed()


def masking_note(voxels: int, masked: bool, elsewhere: bool) -> str:
    """A sentence on voxels that a result was kept from changing, or nothing.

    Args:
        masked: whether the editor's masking is on.
        elsewhere: whether the voxels of the segmentation lie otherwise than those of the volume.
    """
    if not voxels:
        return ""
    reasons = [
        reason
        for reason, holds in (
            ("the Segment Editor's masking spares them", masked),
            ("the voxels of the segmentation lie otherwise than those of the volume", elsewhere),
        )
        if holds
    ]
    count = "1 voxel" if voxels == 1 else f"{voxels} voxels"
    return f"{count} stayed as they were: {', or '.join(reasons)}." if reasons else f"{count} stayed as they were."


def _trace(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))
