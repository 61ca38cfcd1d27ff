"""What an answer changes in a segment, on the volume's grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vistaseg.geometry.box import Index, VoxelBox, as_index
from vistaseg.masks.boxed import NO_CHANGE, BoxedMask, MaskChange
from vistaseg.masks.components import deepest_voxel
from vistaseg.models.correction import VoxelClick, touched_change

_MOST_SAMPLES = 2**20
"""Voxels among which the deepest is looked for."""


def change_by(before: BoxedMask, after: BoxedMask, click: VoxelClick | None, replace: bool) -> MaskChange:
    """What an answer changes.

    Args:
        before: the segment so far.
        after: what was found.
        click: the newest prompt, (k, j, i) of the volume, where it is a click: then what it touches changes alone.
        replace: otherwise, whether what was found takes the place of the segment; if not, it is added to it.
    """
    box = before.box.union(after.box)
    if box.empty:
        return NO_CHANGE
    if click is None or before.empty:
        return MaskChange.between(before, after if replace else before.union(after))
    box = box.union(VoxelBox(click.index, as_index(p + 1 for p in click.index)).reversed)
    seen = click.relative_to(box.start[::-1])
    changed = touched_change(before.within(box), after.within(box), [seen])
    return MaskChange.between(before, BoxedMask(changed, box))


def anchor_voxel(mask: BoxedMask, apart_from: Sequence[Index]) -> Index | None:
    """The voxel (k, j, i) farthest from the surface of a mask and from some voxels; None in an empty mask."""
    step = max(1, int(np.ceil((mask.array.size / _MOST_SAMPLES) ** (1 / 3))))
    rest, box = mask.array[::step, ::step, ::step].copy(), mask.box.reversed
    for index in apart_from:
        if box.holds(index):
            rest[tuple((p - a) // step for p, a in zip(index, box.start, strict=True))] = False
    if not rest.any():
        return None
    return as_index(p * step + a for p, a in zip(deepest_voxel(rest), box.start, strict=True))
