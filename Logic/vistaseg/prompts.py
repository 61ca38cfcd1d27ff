"""What a user asks with: immutable, in RAS millimetres."""

from __future__ import annotations

import reprlib
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from vistaseg.errors import InputError, UsageError
from vistaseg.geometry.grid import Grid

Ras = tuple[float, float, float]


@dataclass(frozen=True)
class Point:
    """A click.

    Attributes:
        ras: where, (R, A, S) in mm.
        positive: True where the structure is, False where it is not.
    """

    ras: Ras
    positive: bool = True

    def __post_init__(self) -> None:
        if not np.isfinite(self.ras).all():
            raise UsageError("A click needs a position R,A,S in mm, and this one has a value that is not a number.")

    def as_dict(self) -> dict[str, Any]:
        """The click as JSON-able values."""
        return {"kind": "point", "ras": [float(value) for value in self.ras], "positive": self.positive}


@dataclass(frozen=True)
class RegionOfInterest:
    """A box with sides along R, A and S: a region to segment in, or a prompt around one structure.

    Attributes:
        low: the lowest (R, A, S) in mm.
        high: the highest (R, A, S) in mm.
    """

    low: tuple[float, float, float]
    high: tuple[float, float, float]

    @classmethod
    def between(cls, one: tuple[float, float, float], other: tuple[float, float, float]) -> RegionOfInterest:
        """The box that has the two points (R, A, S), in mm, as opposite corners.

        Raises:
            UsageError: a coordinate is not finite, or the box has no volume.
        """
        points = np.array([one, other], dtype=float)
        low, high = points.min(axis=0), points.max(axis=0)
        if not np.isfinite(points).all() or (high <= low).any():
            raise UsageError("A box or region of interest needs two corners that differ along R, A and S, in mm.")
        return cls((low[0], low[1], low[2]), (high[0], high[1], high[2]))

    def as_dict(self) -> dict[str, Any]:
        """The box as JSON-able values."""
        return {"kind": "box", "low": [float(v) for v in self.low], "high": [float(v) for v in self.high]}

    def holds(self, ras: Ras) -> bool:
        """Whether a place in RAS mm lies in the box or on its border."""
        return all(low <= value <= high for low, value, high in zip(self.low, ras, self.high, strict=True))

    def corners(self) -> np.ndarray:
        """(8, 3) RAS mm."""
        return np.array(list(product(*zip(self.low, self.high, strict=True))))

    def blank_outside(self, array: np.ndarray, grid: Grid) -> None:
        """Set voxels whose centre is outside the box to 0, in place; `array` is (k, j, i) on `grid`."""
        offsets = [grid.ijk_to_ras[:3, axis, None] * np.arange(n) for axis, n in enumerate(grid.shape_ijk)]
        in_plane = offsets[1][:, :, None] + offsets[0][:, None, :] + grid.ijk_to_ras[:3, 3, None, None]
        low, high = np.reshape(self.low, (3, 1, 1)), np.reshape(self.high, (3, 1, 1))
        for k in range(array.shape[0]):
            ras = in_plane + offsets[2][:, k, None, None]
            array[k][((ras < low) | (ras > high)).any(axis=0)] = 0


@dataclass(frozen=True)
class Text:
    """The name of a structure, for models that read.

    Attributes:
        text: as typed, but for superfluous blanks.

    Raises:
        UsageError: there is nothing in it.
    """

    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", " ".join(self.text.split()))
        if not self.text:
            raise UsageError('No structure was named: type a name, such as "liver".')

    def as_dict(self) -> dict[str, Any]:
        """The text as JSON-able values."""
        return {"kind": "text", "text": self.text}


SpatialPrompt = Point | RegionOfInterest
"""What says where something is."""

Prompt = SpatialPrompt | Text
"""The prompts of a segment, beside its name."""


def require_inside(prompt: Prompt, grid: Grid) -> None:
    """Refuse a click outside a scan, and a box that does not meet it.

    Raises:
        InputError: says where the scan lies.
    """
    if isinstance(prompt, Point):
        index = np.floor(grid.ras_to_index([prompt.ras])[0] + 0.5)
        if ((index < 0) | (index >= grid.shape_ijk)).any():
            raise InputError(f"The click at {_mm(prompt.ras)} lies outside the scan{_range(grid)}. Click inside it.")
    elif isinstance(prompt, RegionOfInterest) and not _meet(prompt, grid):
        place = f"from {_mm(prompt.low)} to {_mm(prompt.high)}"
        raise InputError(f"The box {place} lies outside the scan{_range(grid)}. Choose a box that meets it.")


def _meet(box: RegionOfInterest, grid: Grid) -> bool:
    """Whether nothing along the axes of either tells them apart."""
    index, (first, last) = grid.ras_to_index(box.corners()), grid.bounds_ras
    along_grid = (index.max(axis=0) >= -0.5).all() and (index.min(axis=0) <= np.array(grid.shape_ijk) - 0.5).all()
    return bool(along_grid and (box.high >= first).all() and (box.low <= last).all())


def _mm(ras: Ras) -> str:
    return f"({', '.join(f'{value:.1f}' for value in ras)}) mm"


def _range(grid: Grid) -> str:
    pairs = zip("RAS", *grid.bounds_ras, strict=True)
    return ", which reaches from " + ", ".join(f"{axis} {low:.1f} to {high:.1f}" for axis, low, high in pairs) + " mm"


def prompt_from_dict(values: Any) -> Prompt:
    """The prompt whose `as_dict` this is.

    Raises:
        UsageError: it is none.
    """
    try:
        if values["kind"] == "point" and isinstance(values["positive"], bool):
            return Point(_triple(values["ras"]), values["positive"])
        if values["kind"] == "box":
            return RegionOfInterest.between(_triple(values["low"]), _triple(values["high"]))
        if values["kind"] == "text" and isinstance(values["text"], str):
            return Text(values["text"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise UsageError(f"This is not a prompt: {reprlib.repr(values)}.") from error
    raise UsageError(f"This is not a prompt: {reprlib.repr(values)}.")


def _triple(values: Any) -> Ras:
    r, a, s = (float(value) for value in values)
    return r, a, s
