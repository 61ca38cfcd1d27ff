"""Places as they are typed: in RAS or LPS millimetres, or in voxels of the scan, which has to be read first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from vistaseg.cli.console import warn
from vistaseg.errors import UsageError
from vistaseg.prompts import Point, Prompt, Ras, RegionOfInterest, Text, require_inside

if TYPE_CHECKING:
    from vistaseg.geometry.grid import Grid

Space = Literal["ras", "lps", "ijk"]

_SPACE = re.compile(r"\s*(ras|lps|ijk)\s*:", re.IGNORECASE)
_SIGN = re.compile(r":\s*([+-])\s*$")
_ROUNDING_MM = 1e-6
"""A box in voxels reaches this much further, so that the voxels at its corners count however numbers are rounded."""
_ALIGNED_DEGREES = 0.1


@dataclass(frozen=True)
class TypedPoint:
    """A click as it was typed.

    Attributes:
        space: what `at` is in.
        at: (R, A, S) or (L, P, S) in mm, or voxels (i, j, k), counted from 0, whose centres are whole numbers.
        positive: whether the structure is there.
    """

    space: Space
    at: Ras
    positive: bool = True

    def on(self, grid: Grid) -> Point:
        """The click on a scan."""
        (ras,) = _in_ras(self.space, [self.at], grid)
        return Point(ras, self.positive)


@dataclass(frozen=True)
class TypedBox:
    """A box as it was typed: two opposite corners, see `TypedPoint`. Its sides run along R, A and S in any case."""

    space: Space
    corners: tuple[Ras, Ras]

    def on(self, grid: Grid) -> RegionOfInterest:
        """The box on a scan; where that is oblique and the corners are voxels, a warning says what the box is.

        Raises:
            UsageError: it is flat.
        """
        one, other = _in_ras(self.space, self.corners, grid)
        box = RegionOfInterest.between(one, other)
        if self.space != "ijk":
            return box
        if _degrees_from_axes(grid) > _ALIGNED_DEGREES:
            low, high = (",".join(f"{value:.1f}" for value in corner) for corner in (box.low, box.high))
            warn(f"The scan is oblique, and a box runs along R, A and S: the two voxels span {low}:{high} mm.")
        low, high = np.subtract(box.low, _ROUNDING_MM).tolist(), np.add(box.high, _ROUNDING_MM).tolist()
        return RegionOfInterest(tuple(low), tuple(high))


Asked = TypedPoint | TypedBox | Text
"""A prompt as it was typed."""


def parse_point(text: str) -> TypedPoint:
    """ "R,A,S:+" or "R,A,S:-" in mm, "lps:L,P,S:+" or, in voxels, "ijk:I,J,K:+"; no sign means +.

    Raises:
        UsageError: the text is not a click.
    """
    sign = _SIGN.search(text)
    found = _corners(text[: sign.start()] if sign else text, 1)
    if found is None:
        raise UsageError(
            f"{_quoted(text)} is not a click: write its place in mm and its sign as R,A,S:+ or R,A,S:-, "
            "or as lps:L,P,S:+, or in voxels as ijk:I,J,K:+."
        )
    space, (at,) = found
    Point(at)  # refuses what is not finite
    return TypedPoint(space, at, sign is None or sign[1] == "+")


def parse_box(text: str) -> TypedBox:
    """ "R,A,S:R,A,S" in mm, "lps:L,P,S:L,P,S" or, in voxels, "ijk:I,J,K:I,J,K".

    Raises:
        UsageError: the text is not two points that span a box.
    """
    found = _corners(text, 2)
    if found is None:
        raise UsageError(
            f"{_quoted(text)} is not a box or region: write two corners in mm as R,A,S:R,A,S or lps:L,P,S:L,P,S, "
            "or in voxels as ijk:I,J,K:I,J,K."
        )
    space, (one, other) = found
    RegionOfInterest.between(one, other)  # refuses a flat one before the scan is read
    return TypedBox(space, (one, other))


def on_scan(typed: Sequence[Asked], grid: Grid) -> list[Prompt]:
    """What was typed, as prompts on a scan.

    Raises:
        UsageError: a box is flat.
        InputError: one lies outside the scan; the message says where the scan lies.
    """
    prompts: list[Prompt] = [one if isinstance(one, Text) else one.on(grid) for one in typed]
    for prompt in prompts:
        require_inside(prompt, grid)
    return prompts


def _corners(text: str, count: int) -> tuple[Space, tuple[Ras, ...]] | None:
    found = _SPACE.match(text)
    spaces: dict[str, Space] = {"ras": "ras", "lps": "lps", "ijk": "ijk"}
    try:
        parts = text[found.end() if found else 0 :].split(":")
        points = [[float(value) for value in part.split(",")] for part in parts]
        corners: tuple[Ras, ...] = tuple((x, y, z) for x, y, z in points)
    except ValueError:
        return None
    return (spaces[found[1].lower() if found else "ras"], corners) if len(corners) == count else None


def _in_ras(space: Space, points: Sequence[Ras], grid: Grid) -> list[Ras]:
    if space == "ijk":
        values = grid.index_to_ras(points).tolist()
        return [(r, a, s) for r, a, s in values]
    return [(-x, -y, z) for x, y, z in points] if space == "lps" else list(points)


def _degrees_from_axes(grid: Grid) -> float:
    """How far the axis of the grid that is furthest from R, A or S is turned away from it."""
    cosines = [abs(float(grid.directions[axis, index])) for index, (axis, _) in enumerate(grid.axes)]
    return float(np.degrees(np.arccos(min(1.0, *cosines))))


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:77]}...")
