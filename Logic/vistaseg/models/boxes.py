"""Boxes of voxels, and the windows that cover one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from monai.data.utils import dense_patch_slices

Index3 = tuple[int, int, int]


@dataclass(frozen=True)
class Box:
    """Half-open box of voxels, [start, stop), each along the three axes of an array."""

    start: Index3
    stop: Index3

    @property
    def shape(self) -> Index3:
        """Voxels along the axes."""
        return index3(b - a for a, b in zip(self.start, self.stop, strict=True))

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """To index an array."""
        x, y, z = (slice(a, b) for a, b in zip(self.start, self.stop, strict=True))
        return x, y, z

    @property
    def empty(self) -> bool:
        """Whether it holds no voxel; so it is where it is inverted."""
        return min(self.shape) <= 0

    def holds(self, index: Sequence[int]) -> bool:
        """Whether a voxel lies inside."""
        return all(a <= p < b for p, a, b in zip(index, self.start, self.stop, strict=True))

    def moved(self, by: Sequence[int]) -> Box:
        """The box shifted by so many voxels."""
        return Box(
            index3(a + d for a, d in zip(self.start, by, strict=True)),
            index3(b + d for b, d in zip(self.stop, by, strict=True)),
        )

    def seen_from(self, origin: Sequence[int]) -> Box:
        """The box in an array whose first voxel is `origin`."""
        return self.moved([-a for a in origin])

    def clipped(self, other: Box) -> Box:
        """What both boxes share; empty or inverted where they share nothing."""
        return Box(
            index3(max(a, b) for a, b in zip(self.start, other.start, strict=True)),
            index3(min(a, b) for a, b in zip(self.stop, other.stop, strict=True)),
        )

    def joined(self, other: Box) -> Box:
        """The smallest box around both."""
        return Box(
            index3(min(a, b) for a, b in zip(self.start, other.start, strict=True)),
            index3(max(a, b) for a, b in zip(self.stop, other.stop, strict=True)),
        )


def covering_windows(region: Box, window: Index3, overlap: float) -> list[Box]:
    """Windows over a box, those of MONAI's `sliding_window_inference`; around it where it is smaller.

    Args:
        overlap: share of a window that neighbours have in common.
    """
    sides = [max(n, w) for n, w in zip(region.shape, window, strict=True)]
    interval = [_scan_interval(n, w, overlap) for n, w in zip(sides, window, strict=True)]
    origin = [a - max(w - n, 0) // 2 for a, n, w in zip(region.start, region.shape, window, strict=True)]
    return [
        Box(index3(s.start for s in slices), index3(s.stop for s in slices)).moved(origin)
        for slices in dense_patch_slices(sides, window, interval)
    ]


def index3(values: Iterable[int]) -> Index3:
    """Three whole numbers."""
    x, y, z = (int(value) for value in values)
    return x, y, z


def _scan_interval(side: int, window: int, overlap: float) -> int:
    """MONAI's step between windows along an axis."""
    return side if side == window else max(int(window * (1 - overlap)), 1)
