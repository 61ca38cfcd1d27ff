"""What can be done to a segment of a session."""

from __future__ import annotations

from collections.abc import Callable

from vistaseg.progress import Progress
from vistaseg.prompts import Prompt
from vistaseg.session import Session
from vistaseg.session.history import Answer

Operation = Callable[[Session, str, Progress], Answer]
"""What changes a segment of a session: (session, name of the segment, progress) → its mask."""


def add_prompt(prompt: Prompt) -> Operation:
    """Answer one more prompt."""
    return lambda session, key, progress: session.add(prompt, key, progress)


def remove_prompt(index: int) -> Operation:
    """Answer the prompts again but for one."""
    return lambda session, key, progress: session.without(key, index, progress)


def clear_prompts(session: Session, key: str, progress: Progress) -> Answer:
    """Take all prompts back."""
    return session.clear(key)
