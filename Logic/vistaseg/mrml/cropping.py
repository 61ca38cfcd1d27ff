"""Finding one segment in a large label map."""

from __future__ import annotations

import numpy as np

from vistaseg.geometry.box import EMPTY_BOX, Index, VoxelBox, as_index
from vistaseg.masks.boxed import NO_VOXELS, BoxedMask


def box_of_value(labels: np.ndarray, value: int) -> VoxelBox:
    """The smallest box (i, j, k) of a label map (k, j, i) that holds a value; `EMPTY_BOX` where it is not there.

    It goes plane by plane, which keeps what it compares in the processor's cache.
    """
    size_k, size_j, size_i = labels.shape
    k, j, i = np.zeros(size_k, dtype=bool), np.zeros(size_j, dtype=bool), np.zeros(size_i, dtype=bool)
    for n, plane in enumerate(labels):
        hit = plane == value
        rows = hit.any(axis=1)
        if rows.any():
            k[n] = True
            j |= rows
            i |= hit.any(axis=0)
    ends = [_ends(lines) for lines in (i, j, k)] if k.any() else []
    return VoxelBox(as_index(first for first, _ in ends), as_index(stop for _, stop in ends)) if ends else EMPTY_BOX


def crop_to_value(labels: np.ndarray, value: int, start: Index) -> BoxedMask:
    """Where a label map (k, j, i) has a value, cropped; its first voxel is at `start` (i, j, k) of the grid."""
    return crop_to_box(labels, value, start, box_of_value(labels, value))


def crop_to_box(labels: np.ndarray, value: int, start: Index, box: VoxelBox) -> BoxedMask:
    """As `crop_to_value`, where the smallest box that holds the value is known; `EMPTY_BOX` where nothing does."""
    if box.empty:
        return NO_VOXELS
    return BoxedMask(labels[box.slices_kji] == value, box.shifted(start))


def _ends(lines: np.ndarray) -> tuple[int, int]:
    used = np.flatnonzero(lines)
    return int(used[0]), int(used[-1]) + 1
