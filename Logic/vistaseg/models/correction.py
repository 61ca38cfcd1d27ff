"""What a click may change: the connected parts of the difference that it touches, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from vistaseg.geometry.box import Index
from vistaseg.masks.boxed import Mask
from vistaseg.masks.components import TOUCHING, components_at

Place3 = tuple[float, float, float]

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


def touched_change(before: Mask, after: Mask, clicks: Sequence[VoxelClick]) -> Mask:
    """A mask with those of the changes to another one that clicks ask for.

    A positive click adds the component of the new mask that it lies in, seen from outside the old mask alone where the
    click is outside it; a negative click removes the component of the old mask less the new one. A click that misses
    by one voxel still counts.
    """
    added = np.zeros_like(before)
    for inside, space in ((True, after), (False, after & ~before)):
        added |= components_at(space, [c.index for c in clicks if c.positive and before[c.index] == inside])
    removed = components_at(before & ~after, [click.index for click in clicks if not click.positive])
    changed: Mask = (before | added) & ~removed
    return changed


def published_change(before: Mask, after: Mask, clicks: Sequence[VoxelClick]) -> Mask:
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
    changed: Mask = np.where(chosen, after, before)
    return changed


def recognises(found: Mask, mask: Mask) -> bool:
    """Whether an answer is about the structure of a mask: holds enough of it, or there is nothing to hold."""
    return int(np.count_nonzero(found & mask)) >= RECOGNISED * int(np.count_nonzero(mask))


def near_click(mask: Mask, click: VoxelClick) -> Mask:
    """The ball around a click, inside or outside a mask, that reaches a little beyond the surface of the mask.

    One click on what is wrong with a mask speaks for as much as it is deep in it.
    """
    side = mask if mask[click.index] else ~mask
    depth = float(ndimage.distance_transform_edt(side)[click.index])
    radius = max(NEAR * depth, NEAREST)
    x, y, z = (np.arange(size) - place for size, place in zip(mask.shape, click.index, strict=True))
    ball: Mask = x[:, None, None] ** 2 + y[:, None] ** 2 + z**2 <= radius**2
    return ball


def with_rim(removed: Mask, before: Mask) -> Mask:
    """What is removed from a mask, with its neighbours that do not touch what stays.

    A mask finer than this grid has voxels there that are too few to be seen in `before`, and would be left as a shell.
    """
    if not removed.any():
        return removed
    found = ndimage.find_objects(removed.view(np.uint8))[0]
    x, y, z = (slice(max(side.start - 2, 0), side.stop + 2) for side in found)
    near = removed[x, y, z]
    stays = before[x, y, z] & ~near
    wider = removed.copy()
    wider[x, y, z] |= ndimage.binary_dilation(near, TOUCHING) & ~ndimage.binary_dilation(stays, TOUCHING)
    return wider


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
