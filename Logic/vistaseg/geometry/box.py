"""Boxes of voxels."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Index = tuple[int, int, int]
"""A voxel, or a number of voxels along each of three axes."""


@dataclass(frozen=True)
class VoxelBox:
    """A half-open box of voxels, [start, stop), along the three axes of a grid.

    On the grid of a volume the axes are (i, j, k); arrays there are indexed (k, j, i), with `slices_kji`. The grid of a
    network has axes of its own, and arrays there are indexed like the box, with `slices`. A box may reach beyond its
    grid, on either side.
    """

    start: Index
    stop: Index

    @classmethod
    def whole(cls, shape: Iterable[int]) -> VoxelBox:
        """The box of a whole grid with this number of voxels along its axes."""
        return cls((0, 0, 0), as_index(shape))

    @property
    def shape(self) -> Index:
        """Number of voxels along the axes."""
        return as_index(b - a for a, b in zip(self.start, self.stop, strict=True))

    @property
    def shape_kji(self) -> Index:
        """Shape of the array (k, j, i) that covers a box (i, j, k)."""
        i, j, k = self.shape
        return k, j, i

    @property
    def size(self) -> int:
        """Number of voxels."""
        return 0 if self.empty else math.prod(self.shape)

    @property
    def empty(self) -> bool:
        """Whether the box holds no voxel."""
        return min(self.shape) <= 0

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """Slices that cut the box out of an array with the same axes."""
        x, y, z = (slice(a, b) for a, b in zip(self.start, self.stop, strict=True))
        return x, y, z

    @property
    def slices_kji(self) -> tuple[slice, slice, slice]:
        """Slices that cut a box (i, j, k) out of an array (k, j, i)."""
        i, j, k = self.slices
        return k, j, i

    @property
    def reversed(self) -> VoxelBox:
        """The box with its axes in reverse order: (k, j, i) from (i, j, k), or the other way."""
        return VoxelBox(as_index(self.start[::-1]), as_index(self.stop[::-1]))

    def holds(self, index: Sequence[int]) -> bool:
        """Whether a voxel lies inside."""
        return all(a <= p < b for p, a, b in zip(index, self.start, self.stop, strict=True))

    def shifted(self, by: Sequence[int]) -> VoxelBox:
        """The box moved by a number of voxels along each axis."""
        return VoxelBox(
            as_index(a + d for a, d in zip(self.start, by, strict=True)),
            as_index(b + d for b, d in zip(self.stop, by, strict=True)),
        )

    def relative_to(self, origin: Sequence[int]) -> VoxelBox:
        """The box in a part of the grid whose first voxel is `origin`."""
        return self.shifted([-a for a in origin])

    def intersection(self, other: VoxelBox) -> VoxelBox:
        """What both boxes have in common; an empty box where that is nothing."""
        start = as_index(max(a, b) for a, b in zip(self.start, other.start, strict=True))
        stop = (min(a, b) for a, b in zip(self.stop, other.stop, strict=True))
        return VoxelBox(start, as_index(max(a, b) for a, b in zip(start, stop, strict=True)))

    def union(self, other: VoxelBox) -> VoxelBox:
        """The smallest box around both; an empty box adds nothing."""
        if self.empty or other.empty:
            return other if self.empty else self
        return VoxelBox(
            as_index(min(a, b) for a, b in zip(self.start, other.start, strict=True)),
            as_index(max(a, b) for a, b in zip(self.stop, other.stop, strict=True)),
        )


EMPTY_BOX = VoxelBox((0, 0, 0), (0, 0, 0))


def as_index(values: Iterable[int]) -> Index:
    """Three whole numbers."""
    x, y, z = (int(value) for value in values)
    return x, y, z
