"""Where a user who sees the truth clicks next.

The rule of "CVPR 2025: Foundation Models for Interactive 3D Biomedical Image Segmentation"
(github.com/JunMa11/CVPR-MedSegFMCompetition, CVPR25_iter_eval.py): the middle of the largest error. The depth is in
mm here, in voxels there; of places that are equally deep the first is taken here, a random one there.
"""

from __future__ import annotations

from collections.abc import Sequence

from vistaseg.geometry.box import Index
from vistaseg.masks.boxed import BoxedMask, Mask


def next_click(truth: Mask, prediction: Mask, spacing: Sequence[float]) -> tuple[Index, bool] | None:
    """The click that mends the largest error.

    Args:
        truth, prediction: bool (k, j, i), of one shape.
        spacing: of the voxels along (i, j, k), in mm.

    Returns:
        The voxel (i, j, k) and whether the click is positive; None without an error. It is the voxel
        farthest from the border of the largest component of the error; beyond the volume nothing counts as error. Of
        several such components or voxels it is the first in the order of the array. Missed and false foreground
        that touch are one component: the voxel itself decides the sign.
    """
    # Only now: scipy takes long to import.
    from vistaseg.masks.components import deepest_voxel, largest_component

    error = BoxedMask.of(truth != prediction)
    if error.box.empty:
        return None
    component = BoxedMask.of(largest_component(error.array), error.box.start)
    deepest = deepest_voxel(component.array, tuple(spacing)[::-1])
    i, j, k = (p + a for p, a in zip(deepest[::-1], component.box.start, strict=True))
    return (i, j, k), bool(truth[k, j, i])
