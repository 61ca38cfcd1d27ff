"""Finding one segment in a large label map."""

from __future__ import annotations

import numpy as np

from vistaseg.masks.label_boxes import Box
from vistaseg.segmentation import VoxelBox
from vistaseg.segmentation.model import EMPTY_BOX, Index, Mask

NO_BOX: Box = (slice(0, 0), slice(0, 0), slice(0, 0))


def box_of_value(labels: np.ndarray, value: int) -> Box:
    """The smallest box of a label map (k, j, i) that holds a value; `NO_BOX` where it is not there.

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
    return (_used(k), _used(j), _used(i)) if k.any() else NO_BOX


def crop_to_value(labels: np.ndarray, value: int, start: Index) -> tuple[Mask, VoxelBox]:
    """Where a label map (k, j, i) has a value, cropped; its first voxel is at `start` (i, j, k) of the grid."""
    return crop_to_box(labels, value, start, box_of_value(labels, value))


def crop_to_box(labels: np.ndarray, value: int, start: Index, box: Box) -> tuple[Mask, VoxelBox]:
    """As `crop_to_value`, where the smallest box that holds the value is known; `NO_BOX` where nothing does."""
    if box == NO_BOX:
        return np.zeros((0, 0, 0), dtype=bool), EMPTY_BOX
    first = [int(offset) + part.start for offset, part in zip(start, box[::-1], strict=True)]
    stop = [int(offset) + part.stop for offset, part in zip(start, box[::-1], strict=True)]
    return labels[box] == value, VoxelBox((first[0], first[1], first[2]), (stop[0], stop[1], stop[2]))


def _used(lines: np.ndarray) -> slice:
    used = np.flatnonzero(lines)
    return slice(int(used[0]), int(used[-1]) + 1)
