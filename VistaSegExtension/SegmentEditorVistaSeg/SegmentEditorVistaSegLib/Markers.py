"""Prompts as small line drawings in a slice view, and which of them is under the mouse. No Qt, no VTK."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import dist

import numpy as np

from SegmentEditorVistaSegLib.Gestures import Drag, Gesture, Position
from SegmentEditorVistaSegLib.SliceGeometry import SlicePlane
from vistaseg.prompts import Point, Prompt, RegionOfInterest

Color = tuple[int, int, int]

ADD: Color = (60, 255, 60)
REMOVE: Color = (255, 80, 80)
BOX: Color = (255, 205, 60)
PICKED: Color = (255, 255, 255)
EDGE: Color = (0, 0, 0)
"""Around markers, which may lie on a segment of their own color."""

RADIUS = 6.0
"""Pixels."""
REACH = 7.0
"""Pixels from a marker at which it is still picked."""
NEAR_MM = 1.0
"""A click is shown at least so far from its plane; in thick slices, up to the middle between two."""

CORNERS_OF_EDGES = ((0, 1), (2, 3), (4, 5), (6, 7), (0, 2), (1, 3), (4, 6), (5, 7), (0, 4), (1, 5), (2, 6), (3, 7))
"""Of `RegionOfInterest.corners`."""


@dataclass(frozen=True)
class Line:
    """Connected places in the pixels of a view."""

    places: tuple[Position, ...]
    color: Color


@dataclass(frozen=True)
class Marker:
    """A prompt as a view shows it.

    Attributes:
        index: place of the prompt among those of its segment.
        outline: what can be picked: the place of a click, or the corners of a box.
    """

    index: int
    prompt: Prompt
    outline: tuple[Position, ...]

    def lines(self, picked: bool) -> Iterator[Line]:
        """What to draw."""
        if isinstance(self.prompt, Point):
            color = PICKED if picked else ADD if self.prompt.positive else REMOVE
            yield from _sign(self.outline[0], self.prompt.positive, color)
        else:
            yield Line((*self.outline, self.outline[0]), PICKED if picked else BOX)

    def distance(self, position: Position) -> float:
        """Pixels to a position."""
        if len(self.outline) == 1:
            return dist(self.outline[0], position)
        ends = (*self.outline[1:], self.outline[0])
        return min(_toEdge(position, a, b) for a, b in zip(self.outline, ends, strict=True))


def markersOf(prompts: Sequence[Prompt], plane: SlicePlane) -> list[Marker]:
    """The prompts that a view shows, in their order."""
    outlines = [(index, prompt, _outline(prompt, plane)) for index, prompt in enumerate(prompts)]
    return [Marker(index, prompt, outline) for index, prompt, outline in outlines if outline]


def pick(markers: Sequence[Marker], position: Position) -> Marker | None:
    """The marker under the mouse, if there is one."""
    nearest = min(markers, key=lambda marker: marker.distance(position), default=None)
    return nearest if nearest is not None and nearest.distance(position) <= REACH else None


def gestureLines(gesture: Gesture) -> list[Line]:
    """What to draw while the button is down."""
    if not gesture.moved:
        return []
    shape = gesture.shape
    if isinstance(shape, Drag):
        (x0, y0), (x1, y1) = shape.start, shape.stop
        return [Line(((x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)), BOX)]
    return [Line(tuple(gesture.path), ADD if gesture.positive else REMOVE)]


def _outline(prompt: Prompt, plane: SlicePlane) -> tuple[Position, ...]:
    if isinstance(prompt, Point):
        x, y, distance = plane.seen([prompt.ras])[0].tolist()
        return ((x, y),) if abs(distance) <= max(NEAR_MM, plane.step / 2) else ()
    return _section(plane.seen(prompt.corners())) if isinstance(prompt, RegionOfInterest) else ()


def _section(corners: np.ndarray) -> tuple[Position, ...]:
    """Where the plane cuts a box, corner by corner; nothing where it does not."""
    crossings = []
    for start, stop in CORNERS_OF_EDGES:
        before, after = corners[start, 2], corners[stop, 2]
        if before * after < 0:
            share = before / (before - after)
            crossings.append(corners[start, :2] + share * (corners[stop, :2] - corners[start, :2]))
    if len(crossings) < 3:
        return ()
    places = np.array(crossings)
    offsets = places - places.mean(axis=0)
    return tuple((x, y) for x, y in places[np.argsort(np.arctan2(offsets[:, 1], offsets[:, 0]))].tolist())


def _sign(at: Position, positive: bool, color: Color) -> Iterator[Line]:
    """A plus or a minus in a circle."""
    x, y = at
    yield _circle(at, RADIUS + 2, EDGE)
    yield _circle(at, RADIUS, color)
    half = RADIUS / 2
    yield Line(((x - half, y), (x + half, y)), color)
    if positive:
        yield Line(((x, y - half), (x, y + half)), color)


def _circle(at: Position, radius: float, color: Color) -> Line:
    x, y = at
    angles = np.linspace(0, 2 * np.pi, 17)
    return Line(tuple((x + radius * np.cos(angle), y + radius * np.sin(angle)) for angle in angles), color)


def _toEdge(position: Position, start: Position, stop: Position) -> float:
    """Distance of a position to the straight line between two others."""
    p, a, b = (np.array(place) for place in (position, start, stop))
    along = b - a
    length = float(along @ along)
    share = 0.0 if length == 0 else float(np.clip((p - a) @ along / length, 0, 1))
    return float(np.linalg.norm(a + share * along - p))
