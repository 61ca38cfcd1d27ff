"""Where the windows lie in which the network looks at a volume."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch.nn.functional as functional
from monai.data.utils import dense_patch_slices
from torch import Tensor

from vistaseg.models.vista3d.configuration import Vista3dConfiguration

Index3 = tuple[int, int, int]


@dataclass(frozen=True)
class Box:
    """Half-open box of voxels, [start, stop), each (x, y, z)."""

    start: Index3
    stop: Index3

    @property
    def shape(self) -> Index3:
        """Voxels along (x, y, z)."""
        x, y, z = (b - a for a, b in zip(self.start, self.stop, strict=True))
        return x, y, z

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """To index an array (x, y, z)."""
        x, y, z = (slice(a, b) for a, b in zip(self.start, self.stop, strict=True))
        return x, y, z

    def moved(self, by: Sequence[int]) -> Box:
        """The box shifted by (x, y, z) voxels."""
        return Box(
            _triple(a + d for a, d in zip(self.start, by, strict=True)),
            _triple(b + d for b, d in zip(self.stop, by, strict=True)),
        )

    def clipped(self, other: Box) -> Box:
        """What both boxes share; empty or inverted where they share nothing."""
        return Box(
            _triple(max(a, b) for a, b in zip(self.start, other.start, strict=True)),
            _triple(min(a, b) for a, b in zip(self.stop, other.stop, strict=True)),
        )


@dataclass(frozen=True)
class WindowPlan:
    """How a region is covered.

    Attributes:
        region: the voxels that are asked for.
        windows: boxes on the image's grid; those of a volume smaller than a window reach beyond it, where the
            image counts as 0.
        slab_axis: the axis along which the windows advance, the longest of the region.
    """

    region: Box
    windows: tuple[Box, ...]
    slab_axis: int


def plan_windows(size: Index3, configuration: Vista3dConfiguration, region: Box | None = None) -> WindowPlan:
    """Windows over a whole image, or over a region of it.

    Over a whole image they are those of MONAI's `sliding_window_inference`. Over a region they start anew, at the
    region: fewer windows, and the results within it may differ a little from those of the whole image.

    Args:
        size: voxels of the image along (x, y, z).
        region: box inside the image.
    """
    whole = Box((0, 0, 0), size)
    region = whole if region is None else region.clipped(whole)
    covered = _grown(region, configuration.window, size)
    sides = [max(n, w) for n, w in zip(covered.shape, configuration.window, strict=True)]
    interval = [_scan_interval(n, w, configuration.overlap) for n, w in zip(sides, configuration.window, strict=True)]
    origin = [
        a - max(w - n, 0) // 2 for a, n, w in zip(covered.start, covered.shape, configuration.window, strict=True)
    ]
    axis = max(range(3), key=lambda a: region.shape[a])
    boxes = [
        Box(_triple(s.start for s in slices), _triple(s.stop for s in slices)).moved(origin)
        for slices in dense_patch_slices(sides, configuration.window, interval)
    ]
    return WindowPlan(region, tuple(sorted(boxes, key=lambda box: box.start[axis])), axis)


def holds_only_air(image: Tensor, window: Box, air_level: float) -> bool:
    """Whether no voxel of the window is above the level; `image` is (x, y, z)."""
    inside = window.clipped(Box((0, 0, 0), _triple(image.shape)))
    return bool((image[inside.slices] <= air_level).all())


def cut_window(image: Tensor, window: Box) -> Tensor:
    """The window's voxels, (1, 1, x, y, z), 0 beyond the image (x, y, z)."""
    inside = window.clipped(Box((0, 0, 0), _triple(image.shape)))
    padding = [
        amount
        for axis in (2, 1, 0)
        for amount in (inside.start[axis] - window.start[axis], window.stop[axis] - inside.stop[axis])
    ]
    return functional.pad(image[inside.slices], padding)[None, None]


def _grown(region: Box, window: Index3, size: Index3) -> Box:
    """The region, widened about its middle to at least a window where the image allows it."""
    start, stop = [], []
    for a, b, w, n in zip(region.start, region.stop, window, size, strict=True):
        wanted = min(max(b - a, w), n)
        low = min(max(a - (wanted - (b - a)) // 2, 0), n - wanted)
        start.append(low)
        stop.append(low + wanted)
    return Box(_triple(start), _triple(stop))


def _scan_interval(side: int, window: int, overlap: float) -> int:
    """MONAI's step between windows along an axis."""
    return side if side == window else max(int(window * (1 - overlap)), 1)


def _triple(values: Iterable[int]) -> Index3:
    x, y, z = (int(v) for v in values)
    return x, y, z
