"""What a workspace writes with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from vistaseg.mrml.editing import Change


class Writer(Protocol):
    """Writes into the segments of one segmentation under the rules of its host."""

    def save_state(self) -> None:
        """Let the user undo what comes."""

    def apply(self, segment_id: str, change: Change) -> None:
        """Change a segment where the rules allow it."""
