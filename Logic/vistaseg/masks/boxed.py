"""Masks in boxes of a volume's grid, and changes of such masks: the algebra of masks."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from vistaseg.geometry.box import EMPTY_BOX, Index, VoxelBox, as_index

if TYPE_CHECKING:
    import numpy.typing as npt

Mask = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True, eq=False)
class BoxedMask:
    """A mask in a box of a volume's grid; no voxel outside the box is set.

    Attributes:
        array: bool (k, j, i), of the box only.
        box: (i, j, k), on the grid.

    Raises:
        ValueError: the array does not fill the box, or the box begins outside the grid.
    """

    array: Mask
    box: VoxelBox

    def __post_init__(self) -> None:
        object.__setattr__(self, "array", np.asarray(self.array, dtype=bool))
        if min(self.box.start) < 0 or self.array.shape != self.box.shape_kji:
            raise ValueError(f"a mask of {self.array.shape} does not fill the box {self.box.start} to {self.box.stop}")

    @classmethod
    def of(cls, array: npt.ArrayLike, start: Index = (0, 0, 0)) -> BoxedMask:
        """The set voxels of an array (k, j, i), in the smallest box around them: a copy.

        Args:
            start: place (i, j, k) of its first voxel on the grid.
        """
        mask = np.asarray(array, dtype=bool)
        if mask.size and all(mask.take(end, axis).any() for axis in range(3) for end in (0, -1)):
            return cls(mask.copy(), VoxelBox.whole(mask.shape[::-1]).shifted(start))
        first = [0, 0, 0]
        for axis in range(3):  # each looks only at what the one before has left
            bounds = _occupied(mask, axis)
            if bounds is None:
                return NO_VOXELS
            first[axis] = bounds[0]
            mask = np.moveaxis(np.moveaxis(mask, axis, 0)[slice(*bounds)], 0, axis)
        box = VoxelBox.whole(mask.shape[::-1]).shifted(first[::-1]).shifted(start)
        return cls(mask.copy(), box)

    @classmethod
    def union_of(cls, masks: Sequence[BoxedMask]) -> BoxedMask:
        """The voxels of all masks together, in the box around them."""
        box = reduce(VoxelBox.union, (mask.box for mask in masks), EMPTY_BOX)
        array = np.zeros(box.shape_kji, dtype=bool)
        for mask in masks:
            if not mask.box.empty:
                array[mask.box.relative_to(box.start).slices_kji] |= mask.array
        return cls(array, box)

    @property
    def empty(self) -> bool:
        """Whether no voxel is set."""
        return not self.array.any()

    @property
    def voxel_count(self) -> int:
        """Number of voxels set."""
        return int(np.count_nonzero(self.array))

    @property
    def fingerprint(self) -> str:
        """The same for the same voxels, whatever their box; 32 hexadecimal digits."""
        cropped = self.cropped()
        return packed_fingerprint(np.packbits(cropped.array).tobytes(), cropped.box)

    @property
    def centroid(self) -> tuple[float, float, float]:
        """Mean (i, j, k) of the voxels of a mask that is not empty."""
        centre = []
        for axis, start in zip((2, 1, 0), self.box.start, strict=True):
            counts = self.array.sum(axis=tuple(other for other in range(3) if other != axis))
            centre.append(start + float(np.average(np.arange(len(counts)), weights=counts)))
        return centre[0], centre[1], centre[2]

    @property
    def center_voxel(self) -> Index | None:
        """The voxel (i, j, k) of the mask that is nearest to its centre of mass; None in an empty mask."""
        indices = np.argwhere(self.array)
        if not len(indices):
            return None
        distances = ((indices - indices.mean(axis=0)) ** 2).sum(axis=1)
        nearest = indices[int(distances.argmin())][::-1]
        return as_index(p + a for p, a in zip(nearest, self.box.start, strict=True))

    def holds(self, index: Sequence[int]) -> bool:
        """Whether a voxel (i, j, k) of the grid is set."""
        if not self.box.holds(index):
            return False
        i, j, k = (p - a for p, a in zip(index, self.box.start, strict=True))
        return bool(self.array[k, j, i])

    def within(self, box: VoxelBox) -> Mask:
        """The mask of another box, bool (k, j, i): a new array."""
        if box == self.box:
            return self.array.copy()
        mask, shared = np.zeros(box.shape_kji, dtype=bool), self.box.intersection(box)
        if not shared.empty:
            mask[shared.relative_to(box.start).slices_kji] = self._part(shared)
        return mask

    def cropped(self) -> BoxedMask:
        """The same voxels in the smallest box around them."""
        return BoxedMask.of(self.array, self.box.start)

    def equals(self, other: BoxedMask) -> bool:
        """Whether both have the same voxels, whatever their boxes."""
        if self.box == other.box:
            return np.array_equal(self.array, other.array)
        one, another = self.cropped(), other.cropped()
        return one.box == another.box and np.array_equal(one.array, another.array)

    def overlaps(self, other: BoxedMask) -> bool:
        """Whether both share a voxel."""
        shared = self.box.intersection(other.box)
        return not shared.empty and bool((self._part(shared) & other._part(shared)).any())

    def union(self, other: BoxedMask) -> BoxedMask:
        """The voxels of either mask."""
        return BoxedMask.union_of((self, other))

    def difference(self, other: BoxedMask) -> BoxedMask:
        """The voxels of this mask that the other does not have."""
        return BoxedMask(self.array & ~other._seen_in(self.box), self.box)

    def apply(self, change: MaskChange) -> BoxedMask:
        """The mask after a change, in the box around the mask and what is added."""
        grown = self.union(change.added)
        shared = grown.box.intersection(change.removed.box)
        if not shared.empty:
            grown.array[shared.relative_to(grown.box.start).slices_kji] &= ~change.removed._part(shared)
        return grown

    def _seen_in(self, box: VoxelBox) -> Mask:
        """As `within`, but not a copy where the box is the mask's own."""
        return self.array if box == self.box else self.within(box)

    def _part(self, box: VoxelBox) -> Mask:
        """The mask of a box inside this one: a view."""
        return self.array[box.relative_to(self.box.start).slices_kji]


NO_VOXELS = BoxedMask(np.zeros((0, 0, 0), dtype=bool), EMPTY_BOX)


@dataclass(frozen=True, eq=False)
class MaskChange:
    """Voxels that are added to a mask, and others that are removed from it."""

    added: BoxedMask
    removed: BoxedMask

    @classmethod
    def between(cls, before: BoxedMask, after: BoxedMask) -> MaskChange:
        """What makes one mask the other: both parts in the smallest box around all voxels that differ."""
        box = before.box.union(after.box)
        now = after._seen_in(box)
        different = BoxedMask.of(before._seen_in(box) ^ now, box.start)
        now = now[different.box.relative_to(box.start).slices_kji] if different.array.size else different.array
        return cls.in_box(different.array & now, different.array & ~now, different.box)

    @classmethod
    def in_box(cls, added: Mask, removed: Mask, box: VoxelBox) -> MaskChange:
        """Voxels, bool (k, j, i) of one box, that are added and removed."""
        return cls(BoxedMask(added, box), BoxedMask(removed, box))

    @property
    def empty(self) -> bool:
        """Whether there is nothing to add and nothing to remove."""
        return self.added.empty and self.removed.empty

    @property
    def box(self) -> VoxelBox:
        """The box around both parts."""
        return self.added.box.union(self.removed.box)

    def missing_in(self, mask: BoxedMask) -> int:
        """Number of voxels of the change that a mask does not show."""
        added = self.added.array & ~mask._seen_in(self.added.box)
        removed = self.removed.array & mask._seen_in(self.removed.box)
        return int(np.count_nonzero(added)) + int(np.count_nonzero(removed))


NO_CHANGE = MaskChange(NO_VOXELS, NO_VOXELS)


def packed_fingerprint(bits: bytes, box: VoxelBox) -> str:
    """`BoxedMask.fingerprint` of a mask in the smallest box around it.

    Args:
        bits: of the mask (k, j, i), in C order, as `numpy.packbits` gives them.
    """
    place = f"{box.start}{box.stop}".encode()
    return hashlib.sha256(place + bits).hexdigest()[:32]


def _occupied(array: Mask, axis: int) -> tuple[int, int] | None:
    others = tuple(other for other in range(3) if other != axis)
    indices = np.flatnonzero(array.any(axis=others))
    return (int(indices[0]), int(indices[-1]) + 1) if indices.size else None
