"""Where a user who sees the truth clicks next.

The rule of "CVPR 2025: Foundation Models for Interactive 3D Biomedical Image Segmentation"
(github.com/JunMa11/CVPR-MedSegFMCompetition, CVPR25_iter_eval.py): the middle of the largest error. The depth is in
mm here, in voxels there; of places that are equally deep the first is taken here, a random one there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vistaseg.geometry.box import Index, VoxelBox
from vistaseg.segmentation import crop_to_content
from vistaseg.segmentation.model import Mask

_TOUCHING = np.ones((3, 3, 3), dtype=bool)  # 26 neighbours


def next_click(truth: Mask, prediction: Mask, spacing: Sequence[float]) -> tuple[Index, bool] | None:
    """The click that mends the largest error.

    Args:
        truth, prediction: bool (k, j, i), of one shape.
        spacing: of the voxels along (i, j, k), in mm.

    Returns:
        The voxel (i, j, k) and whether the click is positive; None where there is no error. It is the voxel
        farthest from the border of the largest component of the error; beyond the volume there is no error. Of
        several such components or voxels it is the first in the order of the array. Missed and false foreground
        that touch are one component: the voxel itself decides the sign.
    """
    error, extent = crop_to_content(truth != prediction)
    if extent.empty:
        return None
    component, place = _largest_component(error, extent)
    i, j, k = np.add(place.start, _deepest(component, spacing)).tolist()
    return (i, j, k), bool(truth[k, j, i])


def _largest_component(error: Mask, extent: VoxelBox) -> tuple[Mask, VoxelBox]:
    from scipy import ndimage

    labels, _ = ndimage.label(error, _TOUCHING)
    sizes = np.bincount(labels.ravel())
    return crop_to_content(labels == 1 + sizes[1:].argmax(), extent.start)


def _deepest(component: Mask, spacing: Sequence[float]) -> Index:
    """The voxel (i, j, k) that is farthest from all that is outside."""
    from scipy import ndimage

    depth = ndimage.distance_transform_edt(np.pad(component, 1), sampling=tuple(spacing)[::-1])
    k, j, i = np.unravel_index(depth[1:-1, 1:-1, 1:-1].argmax(), component.shape)
    return int(i), int(j), int(k)
