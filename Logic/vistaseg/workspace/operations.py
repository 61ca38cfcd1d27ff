"""What can be done to a segment of a session: requests and their results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vistaseg.progress import Progress

if TYPE_CHECKING:
    from vistaseg.errors import VistaSegError
    from vistaseg.masks.boxed import MaskChange
    from vistaseg.prompts import Prompt
    from vistaseg.session import Session
    from vistaseg.session.history import Answer
    from vistaseg.workspace.writer import Writer

Operation = Callable[["Session", str, Progress], "Answer"]
"""What changes a segment of a session: (session, name of the segment, progress) → its mask."""


@dataclass(frozen=True, eq=False)
class SegmentResult:
    """What a job has to write.

    Attributes:
        change: voxels that differ; None where none do.
        notes: of the answers, a sentence each.
        errors: of operations that failed; the others were done.
        provenance: how the segment was made now; empty for an empty segment, and where it is not recorded.
        earlier: how the mask was made that the prompts started from, empty where it is not recorded; None where
            they started from nothing.
        count: how many prompts there were before those that were answered; None where it did more than add to them.
        prompted: whether the prompts are others than before, though they may have changed no voxel.
    """

    change: MaskChange | None
    notes: tuple[str, ...] = ()
    errors: tuple[VistaSegError, ...] = ()
    provenance: dict[str, Any] = field(default_factory=dict)
    earlier: dict[str, Any] | None = None
    count: int | None = None
    prompted: bool = False


Done = Callable[[SegmentResult], None]


@dataclass(frozen=True, eq=False)
class SegmentRequest:
    """Something to be done to a segment as one step, and what writes it.

    Attributes:
        operations: done one after the other.
        writer: None where the answer is only proposed.
        on_done: called with the result.
    """

    operations: tuple[Operation, ...]
    writer: Writer | None
    on_done: Done


def add_prompt(prompt: Prompt) -> Operation:
    """Answer one more prompt."""
    return lambda session, key, progress: session.add(prompt, key, progress)


def remove_prompt(index: int) -> Operation:
    """Answer the prompts again but for one."""
    return lambda session, key, progress: session.without(key, index, progress)


def clear_prompts(session: Session, key: str, progress: Progress) -> Answer:
    """Take all prompts back."""
    return session.clear(key)
