"""What a click may change: the connected parts of the difference that it touches, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from vistaseg.geometry.box import Index

Mask = npt.NDArray[np.bool_]
Place3 = tuple[float, float, float]
TOUCHING = np.ones((3, 3, 3), dtype=bool)
"""26-connectivity."""

RECOGNISED = 0.75
"""Share of a mask that an answer has to hold to count as an answer about it. Ours."""

_REACH = 2
"""Voxels by which a click may miss what it touches, in MONAI's `keep_merge_components_with_points`."""

NEAR, NEAREST = 1.5, 4.0
"""Reach of a click that is answered in doubt: times its depth, and at least voxels. Ours."""


@dataclass(frozen=True)
class VoxelClick:
    """One click on a grid of voxels.

    Attributes:
        index: voxel, along the axes of the masks that it belongs to.
        place: where exactly, in voxels along the same axes, whole numbers being their middles; None: at `index`.
    """

    index: Index
    positive: bool
    place: Place3 | None = None

    @property
    def exact(self) -> Place3:
        """Where it was made, in voxels."""
        return self.index if self.place is None else self.place

    def relative_to(self, origin: Sequence[int]) -> VoxelClick:
        """The click in an array whose first voxel is `origin`."""
        x, y, z = (p - a for p, a in zip(self.index, origin, strict=True))
        a, b, c = (p - a for p, a in zip(self.exact, origin, strict=True))
        return VoxelClick((x, y, z), self.positive, None if self.place is None else (a, b, c))


@dataclass(frozen=True, eq=False)
class Correction:
    """Voxels, bool arrays of one shape, that an answer adds to a mask and removes from it."""

    added: Mask
    removed: Mask

    @property
    def empty(self) -> bool:
        """Whether nothing changes."""
        return not (self.added.any() or self.removed.any())

    def applied(self, mask: Mask) -> Mask:
        """The mask after the change."""
        changed: Mask = (mask | self.added) & ~self.removed
        return changed


def touched_change(before: Mask, after: Mask, clicks: Sequence[VoxelClick]) -> Correction:
    """The part of the difference between two masks that the clicks ask for.

    A positive click adds the component of the new mask that it lies in, seen from outside the old mask alone where the
    click is outside it; a negative click removes the component of the old mask less the new one. A click that misses
    by one voxel still counts.
    """
    added, removed = np.zeros_like(before), np.zeros_like(before)
    for inside, space in ((True, after), (False, after & ~before)):
        chosen = [click for click in clicks if click.positive and before[click.index] == inside]
        added |= components_at(space, chosen)
    removed |= components_at(before & ~after, [click for click in clicks if not click.positive])
    return Correction(added & ~before, removed)


def published_change(before: Mask, after: Mask, clicks: Sequence[VoxelClick]) -> Correction:
    """What MONAI's `VISTA3D.connected_components_combine` makes of a mask, an answer and all clicks in a window.

    A positive click adds the component that it is in, or is nearest to within `_REACH` voxels: of the answer where any
    of the clicks is inside the mask, else of what the answer holds outside it. A negative click removes the component
    of the mask less the answer likewise.
    """
    inside = any(before[_rounded(click, before.shape)] for click in clicks)
    added, _ = ndimage.label(after if inside else after & ~before, TOUCHING)
    removed, _ = ndimage.label(before & ~after, TOUCHING)
    chosen = np.zeros_like(before)
    for click in clicks:
        components = added if click.positive else removed
        label = _nearest_label(components, _rounded(click, before.shape))
        if label:
            chosen |= components == label
    return Correction(after & chosen & ~before, before & chosen & ~after)


def recognises(found: Mask, mask: Mask) -> bool:
    """Whether an answer is about the structure of a mask: holds enough of it, or there is nothing to hold."""
    return int(np.count_nonzero(found & mask)) >= RECOGNISED * int(np.count_nonzero(mask))


def near_click(mask: Mask, click: VoxelClick) -> Mask:
    """The ball around a click that reaches a little beyond the surface of the mask, inside or outside of which it is.

    One click on what is wrong with a mask speaks for as much as it is deep in it.
    """
    side = mask if mask[click.index] else ~mask
    depth = float(ndimage.distance_transform_edt(side)[click.index])
    radius = max(NEAR * depth, NEAREST)
    x, y, z = (np.arange(size) - place for size, place in zip(mask.shape, click.index, strict=True))
    ball: Mask = x[:, None, None] ** 2 + y[:, None] ** 2 + z**2 <= radius**2
    return ball


def with_rim(change: Correction, before: Mask) -> Correction:
    """The change, which also takes away the neighbours of what it removes that are no neighbours of what stays.

    A mask finer than this grid has voxels there that are too few to be seen in `before`, and would be left as a shell.
    """
    if not change.removed.any():
        return change
    found = ndimage.find_objects(change.removed.view(np.uint8))[0]
    x, y, z = (slice(max(side.start - 2, 0), side.stop + 2) for side in found)
    near = change.removed[x, y, z]
    stays = before[x, y, z] & ~near
    removed = change.removed.copy()
    removed[x, y, z] |= ndimage.binary_dilation(near, TOUCHING) & ~ndimage.binary_dilation(stays, TOUCHING)
    return Correction(change.added, removed)


def components_at(mask: Mask, clicks: Sequence[VoxelClick]) -> Mask:
    """The 26-connected components of a mask that hold a click, or a neighbour of it."""
    if not clicks or not mask.any():
        return np.zeros_like(mask)
    components, _ = ndimage.label(mask, TOUCHING)
    touched = {value for click in clicks for value in _labels_at(components, click)}
    found: Mask = np.isin(components, sorted(touched))
    return found


def components_with(mask: Mask, seeds: Mask) -> Mask:
    """The 26-connected components of a mask that hold a seed."""
    components, _ = ndimage.label(mask, TOUCHING)
    found: Mask = np.isin(components, np.setdiff1d(np.unique(components[seeds]), [0]))
    return found


def _rounded(click: VoxelClick, shape: Sequence[int]) -> Index:
    x, y, z = (min(max(int(np.round(p)), 0), n - 1) for p, n in zip(click.exact, shape, strict=True))
    return x, y, z


def _nearest_label(components: np.ndarray, index: Index) -> int:
    """The highest label in the smallest cube around a voxel that holds any, 0 where none does."""
    for margin in range(_REACH + 1):
        cube = components[tuple(slice(max(p - margin, 0), p + margin + 1) for p in index)]
        if cube.any():
            return int(cube.max())
    return 0


def _labels_at(components: np.ndarray, click: VoxelClick) -> set[int]:
    own = int(components[click.index])
    if own:
        return {own}
    around = components[tuple(slice(max(p - 1, 0), p + 2) for p in click.index)]
    return {int(value) for value in np.unique(around) if value}
