"""The windows that clicks are answered in, and what is kept of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence

import torch
from monai.networks.nets.vista3d import VISTA3D
from torch import Tensor

from vistaseg.compute import Compute
from vistaseg.models.boxes import Box, Index3
from vistaseg.models.vista3d.point_head import reduce
from vistaseg.models.vista3d.preprocessing import NetworkImage
from vistaseg.models.vista3d.windows import cut_window

WELL_INSIDE = 0.2
"""Share of a window's side that a click keeps from its border, unless the scan ends there."""


def centred_window(index: Sequence[int], window: Index3, size: Index3) -> Box:
    """The window around a voxel, moved to lie inside the image; around an image that is smaller.

    The same as that of MONAI's `point_based_window_inferer`.
    """
    start = [
        min(max(int(p) - w // 2, 0), n - w) if n >= w else -((w - n) // 2)
        for p, w, n in zip(index, window, size, strict=True)
    ]
    return Box((start[0], start[1], start[2]), (start[0] + window[0], start[1] + window[1], start[2] + window[2]))


def is_well_inside(index: Sequence[int], window: Box, size: Index3) -> bool:
    """Whether a voxel keeps its distance from the borders of a window that are not borders of the image."""
    return all(
        (start <= 0 or p >= start + WELL_INSIDE * (stop - start))
        and (stop >= n or p < stop - WELL_INSIDE * (stop - start))
        for p, start, stop, n in zip(index, window.start, window.stop, size, strict=True)
    )


def fitting_window(index: Sequence[int], windows: Iterable[Box], size: Index3) -> Box | None:
    """The first of some windows that holds a voxel well inside."""
    return next((window for window in windows if is_well_inside(index, window, size)), None)


class ClickWindows:
    """Encoded windows of one image, the least recently used leaving first.

    Args:
        network: in evaluation mode, on the device of `compute`.
        budget: bytes that kept windows may take.
    """

    def __init__(self, network: VISTA3D, image: NetworkImage, compute: Compute, budget: int) -> None:
        self._network, self._image, self._compute, self._budget = network, image, compute, budget
        self._kept: OrderedDict[Box, Tensor] = OrderedDict()

    @property
    def held_bytes(self) -> int:
        """Memory of what is kept."""
        return sum(kept.nbytes for kept in self._kept.values())

    @property
    def windows(self) -> tuple[Box, ...]:
        """The kept windows, the last used first."""
        return tuple(reversed(self._kept))

    def reduced(self, window: Box) -> Tensor:
        """Features of a window at half the resolution (1, C, x/2, y/2, z/2), encoded where they are not kept."""
        if window in self._kept:
            self._kept.move_to_end(window)
            return self._kept[window]
        found = self._encode(window)
        self._keep(window, found)
        return found

    def forget(self) -> None:
        """Release what is kept."""
        self._kept.clear()

    def _encode(self, window: Box) -> Tensor:
        voxels = cut_window(self._image.voxels, window).to(self._compute.device)
        bf16 = self._compute.dtype == torch.bfloat16
        with torch.inference_mode(), torch.autocast(self._compute.device.type, dtype=torch.bfloat16, enabled=bf16):
            features, _ = self._network.image_encoder(voxels, with_point=True, with_label=False)
            return reduce(self._network.point_head, features)

    def _keep(self, window: Box, reduced: Tensor) -> None:
        if reduced.nbytes > self._budget:
            return
        self._kept[window] = reduced
        while self.held_bytes > self._budget:
            self._kept.popitem(last=False)
