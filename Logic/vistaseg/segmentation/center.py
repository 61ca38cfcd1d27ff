"""A place inside a segment to go to."""

from __future__ import annotations

import numpy as np

from vistaseg.geometry.box import Index, VoxelBox
from vistaseg.segmentation.model import Mask


def center_voxel(mask: Mask, extent: VoxelBox) -> Index | None:
    """The voxel (i, j, k) of a segment that is nearest to its centre of mass; None where it has no voxel.

    Args:
        mask: bool (k, j, i), of `extent` only.
    """
    indices = np.argwhere(mask)
    if not len(indices):
        return None
    distances = ((indices - indices.mean(axis=0)) ** 2).sum(axis=1)
    k, j, i = (int(value) for value in indices[int(distances.argmin())])
    return i + extent.start[0], j + extent.start[1], k + extent.start[2]
