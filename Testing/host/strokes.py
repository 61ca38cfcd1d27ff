"""What a hand does with the left button, out of the events that a mouse sends."""

from __future__ import annotations

from abc import ABC, abstractmethod

Place = tuple[float, float]
"""Pixels from the lower left corner of a view."""


class Strokes(ABC):
    """Clicks and drags of whoever sends events."""

    @abstractmethod
    def event(self, name: str, at: Place = (0, 0), ctrl: bool = False, shift: bool = False) -> bool:
        """Send an event; returns whether somebody kept it from the others."""

    def click(self, at: Place, ctrl: bool = False) -> None:
        self.drag(at, ctrl=ctrl)

    def drag(self, *path: Place, ctrl: bool = False) -> None:
        self.event("LeftButtonPress", path[0], ctrl)
        for at in path[1:]:
            self.event("MouseMove", at, ctrl)
        self.event("LeftButtonRelease", path[-1], ctrl)
