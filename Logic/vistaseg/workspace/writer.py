"""What a workspace writes with."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from vistaseg.masks.boxed import MaskChange


class Writer(Protocol):
    """Writes into the segments of one segmentation under the rules of its host."""

    @property
    def masking(self) -> bool:
        """Whether the rules allow changes in some places alone."""

    def step(self) -> AbstractContextManager[None]:
        """Let the user undo at once what is done meanwhile.

        Raises:
            InputError: nothing can be written there now.
        """

    def apply(self, segment_id: str, change: MaskChange) -> None:
        """Change a segment where the rules allow it."""
