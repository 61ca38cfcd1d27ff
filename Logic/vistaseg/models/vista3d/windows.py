"""Where the windows lie in which the network looks at a volume."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as functional
from torch import Tensor

from vistaseg.geometry.box import Index, VoxelBox, as_index
from vistaseg.models.covering import covering_windows
from vistaseg.models.vista3d.configuration import Vista3dConfiguration


@dataclass(frozen=True)
class WindowPlan:
    """How a region is covered.

    Attributes:
        region: the requested voxels.
        windows: boxes on the image's grid; those of a volume smaller than a window reach beyond it.
        slab_axis: the axis along which the windows advance, the longest of the region.
    """

    region: VoxelBox
    windows: tuple[VoxelBox, ...]
    slab_axis: int


def plan_windows(size: Index, configuration: Vista3dConfiguration, region: VoxelBox | None = None) -> WindowPlan:
    """Windows over a whole image, or over a region of it.

    Over a whole image they are those of MONAI's `sliding_window_inference`. Over a region they start anew, at the
    region: fewer windows, and the results within it may differ a little from those of the whole image.

    Args:
        size: voxels of the image along (x, y, z).
        region: box inside the image.
    """
    whole = VoxelBox.whole(size)
    region = whole if region is None else region.intersection(whole)
    covered = _grown(region, configuration.window, size)
    axis = max(range(3), key=lambda a: region.shape[a])
    boxes = covering_windows(covered, configuration.window, configuration.overlap)
    return WindowPlan(region, tuple(sorted(boxes, key=lambda box: box.start[axis])), axis)


def holds_only_air(image: Tensor, window: VoxelBox, air_level: float) -> bool:
    """Whether no voxel of the window is above the level; `image` is (x, y, z)."""
    inside = window.intersection(VoxelBox.whole(as_index(image.shape)))
    return bool((image[inside.slices] <= air_level).all())


def cut_window(image: Tensor, window: VoxelBox, padding: str = "zero") -> Tensor:
    """The window's voxels, (1, 1, x, y, z), of an image (x, y, z).

    Args:
        padding: what is beyond the image: 0 ("zero"), or the nearest voxel ("replicate").
    """
    inside = window.intersection(VoxelBox.whole(as_index(image.shape)))
    amounts = [
        amount
        for axis in (2, 1, 0)
        for amount in (inside.start[axis] - window.start[axis], window.stop[axis] - inside.stop[axis])
    ]
    voxels = image[inside.slices][None, None]
    if not any(amounts):
        return voxels
    return functional.pad(voxels, amounts, mode="constant" if padding == "zero" else "replicate")


def _grown(region: VoxelBox, window: Index, size: Index) -> VoxelBox:
    """The region, widened about its middle to at least a window where the image allows it."""
    start, stop = [], []
    for a, b, w, n in zip(region.start, region.stop, window, size, strict=True):
        wanted = min(max(b - a, w), n)
        low = min(max(a - (wanted - (b - a)) // 2, 0), n - wanted)
        start.append(low)
        stop.append(low + wanted)
    return VoxelBox(as_index(start), as_index(stop))
