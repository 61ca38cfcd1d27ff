"""The windows that clicks are answered in, and what is kept of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch
from monai.networks.nets.vista3d import VISTA3D
from torch import Tensor

from vistaseg.compute import Compute
from vistaseg.geometry.box import Index, VoxelBox
from vistaseg.models.cache import TensorCache
from vistaseg.models.vista3d.point_head import reduce
from vistaseg.models.vista3d.preprocessing import NetworkImage
from vistaseg.models.vista3d.windows import cut_window

WELL_INSIDE = 0.125
"""Share of a window's side that a click keeps from its border, unless the scan ends there.

Windows of the automatic pass overlap by twice as much, so that every voxel is well inside one of them.
"""


def centred_window(place: Sequence[float], window: Index, size: Index) -> VoxelBox:
    """The window around a place in voxels, moved to lie inside the image; around an image that is smaller.

    The same as that of MONAI's `point_based_window_inferer`.
    """
    start = [
        min(max(int(p) - w // 2, 0), n - w) if n >= w else -((w - n) // 2)
        for p, w, n in zip(place, window, size, strict=True)
    ]
    return VoxelBox((start[0], start[1], start[2]), (start[0] + window[0], start[1] + window[1], start[2] + window[2]))


def is_well_inside(index: Sequence[int], window: VoxelBox, size: Index) -> bool:
    """Whether a voxel keeps its distance from the borders of a window that are not borders of the image."""
    return all(
        (start <= 0 or p >= start + WELL_INSIDE * (stop - start))
        and (stop >= n or p < stop - WELL_INSIDE * (stop - start))
        for p, start, stop, n in zip(index, window.start, window.stop, size, strict=True)
    )


def fitting_window(index: Sequence[int], windows: Iterable[VoxelBox], size: Index) -> VoxelBox | None:
    """The first of some windows that holds a voxel well inside."""
    return next((window for window in windows if is_well_inside(index, window, size)), None)


def deepest_window(index: Sequence[int], windows: Iterable[VoxelBox], size: Index) -> VoxelBox | None:
    """Of the windows that hold a voxel well inside, the one with its borders farthest from it."""
    fitting = [window for window in windows if is_well_inside(index, window, size)]
    return max(fitting, key=lambda window: _depth(index, window, size), default=None)


def _depth(index: Sequence[int], window: VoxelBox, size: Index) -> int:
    """Voxels between a voxel and the nearest border of a window that is not one of the image."""
    below = [p - start for p, start in zip(index, window.start, strict=True) if start > 0]
    above = [stop - p for p, stop, n in zip(index, window.stop, size, strict=True) if stop < n]
    return min([*below, *above], default=max(size))


class ClickWindows:
    """Encoded windows of one image, the least recently used leaving first.

    Args:
        network: in evaluation mode, on the device of `compute`.
        budget: bytes that kept windows may take.
    """

    def __init__(self, network: VISTA3D, image: NetworkImage, compute: Compute, budget: int) -> None:
        self._network, self._image, self._compute = network, image, compute
        self._kept: TensorCache[VoxelBox] = TensorCache(budget)

    @property
    def held_bytes(self) -> int:
        """Memory of what is kept."""
        return self._kept.held_bytes

    @property
    def windows(self) -> tuple[VoxelBox, ...]:
        """The kept windows, the last used first."""
        return self._kept.keys

    def reduced(self, window: VoxelBox) -> Tensor:
        """Features of a window at half the resolution (1, C, x/2, y/2, z/2), encoded where they are not kept."""
        return self._kept.get(window, lambda: self._encode(window))

    def hold(self, window: VoxelBox, reduced: Tensor) -> None:
        """Keep what was encoded of a window, as far as the budget goes."""
        self._kept.hold(window, reduced)

    def has_room_for(self, window: VoxelBox) -> bool:
        """Whether a window that is not kept yet could be, without another one leaving."""
        channels, half = self._network.point_head.mask_tokens.embedding_dim, [math.ceil(n / 2) for n in window.shape]
        needed = channels * math.prod(half) * self._compute.dtype.itemsize
        return window not in self._kept.keys and self._kept.has_room_for(needed)

    def forget(self) -> None:
        """Release what is kept."""
        self._kept.clear()

    def _encode(self, window: VoxelBox) -> Tensor:
        voxels = cut_window(self._image.voxels, window).to(self._compute.device)
        with torch.inference_mode(), self._compute.autocast():
            features, _ = self._network.image_encoder(voxels, with_point=True, with_label=False)
            return reduce(self._network.point_head, features)
