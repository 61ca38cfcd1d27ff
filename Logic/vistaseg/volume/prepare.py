"""From a volume to the array that a network sees, and from its labels back to the volume's own grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from vistaseg.geometry.box import EMPTY_BOX, VoxelBox, as_index
from vistaseg.geometry.grid import Grid
from vistaseg.volume.resample import (
    axis_order,
    crop,
    foreground_box,
    nearest_index_maps,
    reorient,
    resample_to_spacing,
)
from vistaseg.volume.source import SourceMap, source_map
from vistaseg.volume.volume import Volume

_EVERYTHING = slice(None)


@dataclass(frozen=True, eq=False)
class GridMap:
    """Where each voxel of an original grid finds its value in a prepared array, one table per axis.

    Attributes:
        axes: for the original i, j and k, the axis of the prepared (x, y, z) array that runs along it.
        lookups: for the original i, j and k, the index on that axis at each original index; -1 where the
            original lies outside what was prepared.
    """

    axes: tuple[int, int, int]
    lookups: tuple[np.ndarray, np.ndarray, np.ndarray]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape (k, j, i) of the original array."""
        i, j, k = (lookup.size for lookup in self.lookups)
        return k, j, i

    def label_map(self, prepared: np.ndarray) -> np.ndarray:
        """The prepared (x, y, z) array on the original grid, (k, j, i), nearest neighbour, 0 outside.

        Equal to MONAI's `Invertd(nearest_interp=True)` of spacing, foreground crop and orientation, except
        exactly halfway between two voxels, where MONAI's answer hangs on the last bit.
        """
        output = np.zeros(self.shape, dtype=prepared.dtype)
        for k in range(self.shape[0]):
            output[k] = self.gather(prepared, slice(k, k + 1))[0]
        return output

    def gather(
        self,
        prepared: np.ndarray,
        k_slice: slice = _EVERYTHING,
        j_slice: slice = _EVERYTHING,
        i_slice: slice = _EVERYTHING,
    ) -> np.ndarray:
        """The part of `label_map` in the given index ranges of the original grid; (k, j, i) of that part."""
        wanted = [lookup[part] for lookup, part in zip(self.lookups, (i_slice, j_slice, k_slice), strict=True)]
        k, j, i = (np.flatnonzero(lookup >= 0) for lookup in reversed(wanted))
        output = np.zeros([lookup.size for lookup in reversed(wanted)], dtype=prepared.dtype)
        if k.size and j.size and i.size:
            source = prepared.transpose(self.axes[::-1])
            found = source[np.ix_(wanted[2][k], wanted[1][j], wanted[0][i])]
            output[k[0] : k[-1] + 1, j[0] : j[-1] + 1, i[0] : i[-1] + 1] = found
        return output

    def box(self, prepared: VoxelBox) -> VoxelBox:
        """Original box (i, j, k) of a prepared box (x, y, z); empty where no original voxel takes its value from it."""
        hits = [
            np.flatnonzero((lookup >= prepared.start[axis]) & (lookup < prepared.stop[axis]))
            for axis, lookup in zip(self.axes, self.lookups, strict=True)
        ]
        if not all(hit.size for hit in hits):
            return EMPTY_BOX
        return VoxelBox(as_index(hit[0] for hit in hits), as_index(hit[-1] + 1 for hit in hits))

    def box_of_mask(self, prepared: np.ndarray) -> VoxelBox:
        """Original box (i, j, k) that holds all of a prepared mask (x, y, z); empty where the mask is."""
        hits = [np.flatnonzero(prepared.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
        if not hits[0].size:
            return EMPTY_BOX
        return self.box(VoxelBox(as_index(hit[0] for hit in hits), as_index(hit[-1] + 1 for hit in hits)))


@dataclass(frozen=True, eq=False)
class Prepared:
    """A volume as a network sees it.

    Attributes:
        array: (x, y, z) float32, contiguous, RAS order.
        grid: its size and place: index (x, y, z) to RAS mm.
        back: the way back to the original grid.
        original: the grid of the volume that was prepared.
    """

    array: np.ndarray
    grid: Grid
    back: GridMap
    original: Grid

    @property
    def ijk_to_ras(self) -> np.ndarray:
        """(4, 4) float64, index (x, y, z) of `array` to RAS mm."""
        return self.grid.ijk_to_ras

    @cached_property
    def source(self) -> SourceMap:
        """Where the voxels of the prepared array come from."""
        return source_map(self.original, self.grid)

    def from_original(self, labels: np.ndarray) -> np.ndarray:
        """Labels or a mask of the original grid, (k, j, i), on the prepared one, (x, y, z): nearest voxel."""
        return self.source.sample(labels, (0, 0, 0), VoxelBox.whole(self.grid.shape_ijk))


def prepare(
    volume: Volume,
    spacing_mm: Sequence[float],
    foreground_threshold: float | None = 0.0,
    margin: int = 10,
) -> Prepared:
    """Resample, crop to the foreground and turn to RAS, in VISTA3D's order and with MONAI's results.

    Args:
        volume: the scan in HU, of any orientation.
        spacing_mm: voxel size along x, y and z in RAS order.
        foreground_threshold: only the box of what is above it is kept; None keeps everything, and so does a
            volume with nothing above it (MONAI would crop that to nothing).
        margin: voxels, after resampling, kept around the foreground.

    Raises:
        InputError: a spacing is not positive, or the axes of the volume are not at right angles.
    """
    resampled = resample_to_spacing(volume, [spacing_mm[axis] for axis, _ in volume.grid.axes])
    box = None if foreground_threshold is None else foreground_box(resampled, foreground_threshold, margin)
    box = box or VoxelBox.whole(resampled.shape_ijk)
    turned = reorient(crop(resampled, box), "RAS")
    array = np.array(turned.array.transpose(2, 1, 0), order="C")
    return Prepared(array, turned.grid, _way_back(volume.grid, resampled.grid, box), volume.grid)


def _way_back(original: Grid, resampled: Grid, box: VoxelBox) -> GridMap:
    order, flipped = axis_order(resampled, "RAS")
    lookups = nearest_index_maps(resampled, original, clamp=True)
    i, j, k = (_in_crop(lookups[axis], box.start[axis], box.stop[axis], flipped[axis]) for axis in range(3))
    axis_i, axis_j, axis_k = (order.index(axis) for axis in range(3))
    return GridMap((axis_i, axis_j, axis_k), (i, j, k))


def _in_crop(lookup: np.ndarray, start: int, stop: int, flipped: bool) -> np.ndarray:
    moved = stop - 1 - lookup if flipped else lookup - start
    return np.where((lookup >= start) & (lookup < stop), moved, -1)
