"""Places in a slice view and in the world, for views of any orientation."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from SegmentEditorVistaSegLib.Gestures import Drag, Position, Stroke
from vistaseg.mrml.transforms import array_from_matrix, to_local, to_world
from vistaseg.prompts import Point, RegionOfInterest

MOST_POINTS = 6
"""Each point of a stroke is a question of its own."""

POINT_DISTANCE_MM = 8.0


class SlicePlane:
    """The plane that a slice view shows, as it is now.

    Args:
        sliceNode: a vtkMRMLSliceNode.
        volumeNode: in whose local RAS prompts are.
    """

    def __init__(self, sliceNode, volumeNode) -> None:
        self._toWorld = array_from_matrix(sliceNode.GetXYToRAS())
        self._fromWorld = np.linalg.inv(self._toWorld)
        self._volume = volumeNode
        self.pixel = float(np.linalg.norm(self._toWorld[:3, 0]))
        self.step = float(np.linalg.norm(self._toWorld[:3, 2]))

    def point(self, at: Position, positive: bool) -> Point:
        """The click at a place of the view."""
        return Point(to_local(self._volume, self.world(at)), positive)

    def box(self, drag: Drag) -> RegionOfInterest:
        """The box around a rectangle in the view, as deep as the shorter of its sides, half to each side of the plane.

        Its sides are along the volume's R, A and S, whatever the view's are.

        Raises:
            UsageError: it has no size.
        """
        sides = [abs(a - b) * self.pixel for a, b in zip(drag.start, drag.stop, strict=True)]
        depth = max(min(sides), self.pixel) / self.step / 2
        (x0, y0), (x1, y1) = drag.start, drag.stop
        corners = [self.world((x, y), z) for x, y, z in product((x0, x1), (y0, y1), (-depth, depth))]
        local = np.array([to_local(self._volume, corner) for corner in corners])
        return RegionOfInterest.between(tuple(local.min(axis=0).tolist()), tuple(local.max(axis=0).tolist()))

    def scribble(self, stroke: Stroke, positive: bool) -> list[Point]:
        """Points along a stroke, not its ends, evenly spaced."""
        path = np.array(stroke.path, dtype=float)
        along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
        count = int(np.clip(round(along[-1] * self.pixel / POINT_DISTANCE_MM), 1, MOST_POINTS))
        at = (np.arange(count) + 0.5) / count * along[-1]
        places = zip(np.interp(at, along, path[:, 0]), np.interp(at, along, path[:, 1]), strict=True)
        return [self.point((float(x), float(y)), positive) for x, y in places]

    def world(self, at: Position, slices: float = 0.0) -> tuple[float, float, float]:
        """World RAS mm of a place in the view, some slices before the plane."""
        r, a, s = (self._toWorld @ (*at, slices, 1.0))[:3].tolist()
        return r, a, s

    def seen(self, places: Sequence[Sequence[float]] | np.ndarray) -> np.ndarray:
        """(N, 3): x and y in pixels of the view and the distance from the plane in mm, of places in local RAS mm."""
        world = np.array([to_world(self._volume, (r, a, s)) for r, a, s in places])
        xyz = world @ self._fromWorld[:3, :3].T + self._fromWorld[:3, 3]
        return xyz * (1, 1, self.step)
