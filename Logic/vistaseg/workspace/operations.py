"""What can be done to a segment of a session, and who asks for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vistaseg.progress import Progress

if TYPE_CHECKING:
    from vistaseg.prompts import Prompt
    from vistaseg.session import Session
    from vistaseg.session.history import Answer
    from vistaseg.workspace.answering import SegmentResult
    from vistaseg.workspace.writer import Writer

Operation = Callable[["Session", str, Progress], "Answer"]
"""What changes a segment of a session: (session, name of the segment, progress) → its mask."""
Done = Callable[["SegmentResult"], None]


@dataclass(frozen=True, eq=False)
class SegmentRequest:
    """Something to be done to a segment as one step, what writes it, and who wants to hear of it.

    Attributes:
        operations: done one after the other.
        writer: None where the answer is only proposed.
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
