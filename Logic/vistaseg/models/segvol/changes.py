"""What an answer changes in a segment, on the volume's grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from vistaseg.geometry.box import EMPTY_BOX, Index, VoxelBox, as_index
from vistaseg.models.correction import Correction, Mask, VoxelClick, touched_change
from vistaseg.models.segvol.zoom import Found
from vistaseg.segmentation import crop_to_content

_MOST_SAMPLES = 2**20
"""Voxels among which the deepest is looked for."""


@dataclass(frozen=True, eq=False)
class BoxedMask:
    """A mask in a box of a volume.

    Attributes:
        mask: bool (k, j, i), of the box.
        box: (k, j, i).
    """

    mask: Mask
    box: VoxelBox

    @classmethod
    def of_extent(cls, mask: Mask, extent: VoxelBox) -> BoxedMask:
        """A segment's mask in its extent."""
        return cls(mask, extent.reversed)

    @classmethod
    def of_found(cls, found: Found, crop: VoxelBox) -> BoxedMask:
        """What was found in a crop (k, j, i) of the volume."""
        region = VoxelBox.whole((0, 0, 0)) if found.region is None else found.region
        return cls(found.mask, region.shifted(crop.start))

    def within(self, box: VoxelBox) -> Mask:
        """The mask of a box, False where this part does not reach."""
        whole, shared = np.zeros(box.shape, dtype=bool), self.box.intersection(box)
        if not shared.empty:
            whole[shared.relative_to(box.start).slices] = self.mask[shared.relative_to(self.box.start).slices]
        return whole


@dataclass(frozen=True, eq=False)
class VolumeChange:
    """Voxels (k, j, i) bool of an extent that are added to a segment and removed from it."""

    added: Mask
    removed: Mask
    extent: VoxelBox


NO_CHANGE = VolumeChange(np.zeros((0, 0, 0), dtype=bool), np.zeros((0, 0, 0), dtype=bool), EMPTY_BOX)


def volume_change(before: BoxedMask, after: BoxedMask, click: VoxelClick | None, replace: bool) -> VolumeChange:
    """What an answer changes.

    Args:
        before: the segment so far.
        after: what was found.
        click: the newest prompt, (k, j, i) of the volume, where it is a click: then what it touches changes alone.
        replace: otherwise, whether what was found takes the place of the segment; if not, it is added to it.
    """
    box = _around([part.box for part in (before, after) if not part.box.empty], click)
    if box is None:
        return NO_CHANGE
    old, new = before.within(box), after.within(box)
    if click is not None and old.any():
        seen = VoxelClick(as_index(p - a for p, a in zip(click.index, box.start, strict=True)), click.positive)
        return _on_volume(touched_change(old, new, [seen]), box)
    return _on_volume(Correction(new & ~old, (old & ~new) if replace else np.zeros_like(old)), box)


def deepest_voxel(part: BoxedMask, apart_from: list[Index]) -> Index | None:
    """The voxel (k, j, i) farthest from the surface of a mask and from some voxels; None in an empty mask."""
    step = max(1, int(np.ceil((part.mask.size / _MOST_SAMPLES) ** (1 / 3))))
    rest = part.mask[::step, ::step, ::step].copy()
    for index in apart_from:
        if part.box.holds(index):
            rest[tuple((p - a) // step for p, a in zip(index, part.box.start, strict=True))] = False
    if not rest.any():
        return None
    depth = ndimage.distance_transform_edt(np.pad(rest, 1))[1:-1, 1:-1, 1:-1]
    place = np.unravel_index(int(depth.argmax()), depth.shape)
    return as_index(int(p) * step + a for p, a in zip(place, part.box.start, strict=True))


def _around(boxes: list[VoxelBox], click: VoxelClick | None) -> VoxelBox | None:
    """The box around all boxes, and around the voxels that a click can touch."""
    if not boxes:
        return None
    if click is not None:
        boxes = [*boxes, VoxelBox(click.index, as_index(p + 1 for p in click.index))]
    around = boxes[0]
    for box in boxes[1:]:
        around = around.union(box)
    return around


def _on_volume(change: Correction, box: VoxelBox) -> VolumeChange:
    """The change, cropped to what changes."""
    k, j, i = box.start
    _, extent = crop_to_content(change.added | change.removed, (i, j, k))
    if extent.empty:
        return NO_CHANGE
    inside = BoxedMask.of_extent(change.added, extent).box.relative_to(box.start).slices
    return VolumeChange(change.added[inside], change.removed[inside], extent)
