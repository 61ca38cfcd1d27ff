"""A volume as SegVol sees it: as stored, scaled by its own intensities, cropped, and shrunk to one window.

The published steps (`BAAI-DCAI/SegVol`, data_process/demo_data_process.py): foreground = voxels above the mean of all;
clipping to its percentiles 0.05 and 99.95; z-score; 0 … 1; cropping to what is above 0. The z-score leaves no trace in
0 … 1 and is not computed. Nothing is resampled or turned: the axes are those of the array, (k, j, i) = (d, h, w).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor

from vistaseg.errors import InputError
from vistaseg.geometry.box import Index, VoxelBox, as_index
from vistaseg.volume import Volume, foreground_box

PERCENTILES = (0.05, 99.95)
"""Of the foreground, mapped to 0 and to 1."""


@dataclass(frozen=True)
class ZoomMap:
    """From the voxels (d, h, w) of a cropped volume to those of the shrunk one, and back.

    Attributes:
        size: voxels of the cropped volume.
        zoomed: voxels of the shrunk one.
        box: the rule for boxes, see `recipe.RULES`.
    """

    size: Index
    zoomed: Index
    box: str = "shown"

    def to_zoomed(self, index: Index) -> Index:
        """Where a voxel of the cropped volume lies in the shrunk one: floor((p + 0.5) · zoomed / size)."""
        return as_index((2 * p + 1) * s // (2 * n) for p, s, n in zip(index, self.zoomed, self.size, strict=True))

    def box_to_zoomed(self, box: VoxelBox) -> VoxelBox:
        """What a box of the cropped volume is in the shrunk one: the box around all that shows its voxels.

        Published is the box around a shrunk mask. Around a solid box both are the same. The shrunk volume may not show
        the outermost voxels of an organ, and then the published one can be smaller: corners alone do not say.
        An axis along which no voxel of the box is shown gets the voxel that it lies in; the published rule gives no box
        then.
        """
        first, last = self.to_zoomed(box.start), self.to_zoomed(as_index(b - 1 for b in box.stop))
        showing = [
            np.flatnonzero((a <= down) & (down < b)) for down, a, b in zip(self.down, box.start, box.stop, strict=True)
        ]
        if self.box == "shown":
            return VoxelBox(
                as_index(places[0] if len(places) else p for p, places in zip(first, showing, strict=True)),
                as_index((places[-1] if len(places) else p) + 1 for p, places in zip(last, showing, strict=True)),
            )
        return VoxelBox(
            as_index(min([p, *places[:1]]) for p, places in zip(first, showing, strict=True)),
            as_index(max([p, *places[-1:]]) + 1 for p, places in zip(last, showing, strict=True)),
        )

    @cached_property
    def down(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For each voxel of the shrunk volume, the one that it shows, axis by axis ("nearest-exact")."""
        d, h, w = (_lookup(n, s, "nearest-exact") for n, s in zip(self.size, self.zoomed, strict=True))
        return d, h, w

    @cached_property
    def up(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For each voxel of the cropped volume, the one that it takes its label from, axis by axis ("nearest").

        The published pipeline shrinks by one rule and grows by another, which is off by half a voxel of the result.
        """
        d, h, w = (_lookup(s, n, "nearest") for n, s in zip(self.size, self.zoomed, strict=True))
        return d, h, w

    def shrunk(self, mask: np.ndarray) -> np.ndarray:
        """A mask (d, h, w) of the cropped volume in the shrunk one: each of its voxels sets the one that it lies in."""
        found = np.zeros(self.zoomed, dtype=bool)
        lookups = [(2 * np.arange(n) + 1) * s // (2 * n) for n, s in zip(self.size, self.zoomed, strict=True)]
        found[tuple(lookup[p] for lookup, p in zip(lookups, np.nonzero(mask), strict=True))] = True
        return found

    def grown(self, shrunk: np.ndarray, box: VoxelBox) -> np.ndarray:
        """A mask (d, h, w) of the shrunk volume as that of a box of the cropped one."""
        lookups = [up[a:b] for up, a, b in zip(self.up, box.start, box.stop, strict=True)]
        part: np.ndarray = shrunk[np.ix_(*lookups)]
        return part

    def grown_content(self, mask: np.ndarray) -> VoxelBox | None:
        """The smallest box of the cropped volume around a mask of the shrunk one, or None."""
        seen = [np.unique(up) for up in self.up]
        reachable = mask[np.ix_(*seen)]
        if not reachable.any():
            return None
        bounds = [self._bounds(axis, seen[axis][_occupied(reachable, axis)]) for axis in range(3)]
        return VoxelBox(as_index(a for a, _ in bounds), as_index(b for _, b in bounds))

    def _bounds(self, axis: int, found: np.ndarray) -> tuple[int, int]:
        places = np.flatnonzero(np.isin(self.up[axis], found))
        return int(places[0]), int(places[-1]) + 1


@dataclass(frozen=True, eq=False)
class SegVolImage:
    """A volume before SegVol: its voxels stay where they are and are scaled where they are looked at.

    Attributes:
        array: (k, j, i), of the whole volume.
        low, high: intensities that are mapped to 0 and to 1.
        crop: box (k, j, i) of the volume around everything above `low`.
        zoom: between the crop and the window that shows all of it.
    """

    array: np.ndarray
    low: float
    high: float
    crop: VoxelBox
    zoom: ZoomMap

    def whole(self) -> Tensor:
        """The shrunk volume, float32 (1, 1, D, H, W) in 0 … 1."""
        return self._scaled(self.array[self.crop.slices][np.ix_(*self.zoom.down)])

    def window(self, window: VoxelBox, region: VoxelBox) -> Tensor:
        """A window, float32 (1, 1, D, H, W) in 0 … 1; 0 outside the region.

        Args:
            window, region: boxes of the cropped volume; the region lies inside it.
        """
        inside = window.intersection(region)
        found = self._scaled(self.array[inside.shifted(self.crop.start).slices])
        padding = [
            amount
            for axis in (2, 1, 0)
            for amount in (inside.start[axis] - window.start[axis], window.stop[axis] - inside.stop[axis])
        ]
        return functional.pad(found, padding)

    def _scaled(self, part: np.ndarray) -> Tensor:
        clipped = np.clip(part.astype(np.float32), self.low, self.high)
        return torch.from_numpy((clipped - np.float32(self.low)) / np.float32(self.high - self.low))[None, None]


def segvol_image(volume: Volume, zoomed: Index, box: str = "shown") -> SegVolImage:
    """Prepare a volume; beside it, this takes memory for its foreground only.

    Args:
        zoomed: voxels of a window, (d, h, w).
        box: the rule for boxes, see `recipe.RULES`.

    Raises:
        InputError: the foreground has one intensity.
    """
    low, high = intensity_range(volume.array)
    found = foreground_box(volume, low)
    if found is None or not low < high:
        raise InputError(
            "All bright voxels of this volume have the same value, and there is nothing to see in it. Give a CT."
        )
    crop = found.reversed
    return SegVolImage(volume.array, low, high, crop, ZoomMap(crop.shape, zoomed, box))


def intensity_range(array: np.ndarray) -> tuple[float, float]:
    """The percentiles 0.05 and 99.95 of the voxels (k, j, i) above the mean of all."""
    mean = sum(float(part.sum(dtype=np.float64)) for part in array) / array.size
    # Of a size that is known before, the foreground needs no second copy to be put together.
    foreground = np.empty(sum(int((part > mean).sum()) for part in array), np.result_type(array, np.int8))
    if foreground.size == 0:
        return mean, mean
    end = 0
    for part in array:
        bright = part[part > mean]
        foreground[end : end + bright.size] = bright
        end += bright.size
    low, high = np.percentile(foreground, PERCENTILES, overwrite_input=True)
    return float(low), float(high)


def _lookup(source: int, target: int, mode: str) -> np.ndarray:
    """For each of `target` places the one of `source` places that PyTorch's interpolation takes."""
    places = torch.arange(source, dtype=torch.float32)[None, None]
    found: np.ndarray = functional.interpolate(places, size=target, mode=mode)[0, 0].long().numpy()
    return found


def _occupied(mask: np.ndarray, axis: int) -> np.ndarray:
    others = tuple(a for a in range(3) if a != axis)
    return np.asarray(mask.any(axis=others))
