"""What the mouse does between press and release: a click, a box, a stroke. No Qt, no MRML."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import dist
from typing import Literal

Position = tuple[float, float]
"""In the pixels of a view, from its lower left corner."""

Tool = Literal["point", "scribble"]

SLACK = 4.0
"""Pixels that a hand trembles in a click."""


@dataclass(frozen=True)
class Click:
    """The button was pressed and released at one place."""

    at: Position


@dataclass(frozen=True)
class Drag:
    """The button was pressed at one corner of a rectangle and released at the opposite one."""

    start: Position
    stop: Position


@dataclass(frozen=True)
class Stroke:
    """The button was held along a path."""

    path: tuple[Position, ...]


@dataclass
class Gesture:
    """One press of the left button, from then on.

    Attributes:
        positive: whether it says where the structure is.
        path: positions so far, the first where the button was pressed.
    """

    tool: Tool
    start: Position
    positive: bool
    path: list[Position] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.path.append(self.start)

    def move(self, position: Position) -> None:
        """The mouse is elsewhere, with the button still down."""
        if position != self.path[-1]:
            self.path.append(position)

    @property
    def moved(self) -> bool:
        """Whether it is more than a click."""
        return any(dist(self.start, position) > SLACK for position in self.path)

    @property
    def shape(self) -> Click | Drag | Stroke:
        """What it is, if the button is released now."""
        if not self.moved:
            return Click(self.start)
        if self.tool == "scribble":
            return Stroke(tuple(self.path))
        return Drag(self.start, self.path[-1])
