"""Masks of an original grid on a prepared one, a box at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vistaseg.geometry.box import EMPTY_BOX, VoxelBox, as_index
from vistaseg.geometry.grid import Grid
from vistaseg.volume.resample import axis_order, nearest_index_maps, reorient
from vistaseg.volume.volume import Volume


@dataclass(frozen=True, eq=False)
class SourceMap:
    """Which voxel of an original grid is nearest to each voxel of a prepared one, one table per axis.

    Attributes:
        axes: for the prepared x, y and z, the original axis (0 is i) that runs along it.
        lookups: for x, y and z, the original index on that axis at each prepared index.
    """

    axes: tuple[int, int, int]
    lookups: tuple[np.ndarray, np.ndarray, np.ndarray]

    def sample(self, array: np.ndarray, start_ijk: Sequence[int], box: VoxelBox) -> np.ndarray:
        """A prepared box (x, y, z) of an original array, (x, y, z); 0 where the array has nothing.

        Args:
            array: (k, j, i), a part of the original.
            start_ijk: original index of its first voxel.
        """
        output = np.zeros(box.shape, dtype=array.dtype)
        turned = array.transpose([2 - axis for axis in self.axes])
        wanted = [
            lookup[a:b] - start_ijk[axis]
            for axis, lookup, a, b in zip(self.axes, self.lookups, box.start, box.stop, strict=True)
        ]
        known = [(index >= 0) & (index < size) for index, size in zip(wanted, turned.shape, strict=True)]
        output[np.ix_(*known)] = turned[np.ix_(*(index[inside] for index, inside in zip(wanted, known, strict=True)))]
        return output

    def box(self, original: VoxelBox) -> VoxelBox:
        """Prepared box (x, y, z) of the voxels whose nearest original one lies in a box (i, j, k)."""
        hits = [
            np.flatnonzero((lookup >= original.start[axis]) & (lookup < original.stop[axis]))
            for axis, lookup in zip(self.axes, self.lookups, strict=True)
        ]
        if not all(hit.size for hit in hits):
            return EMPTY_BOX
        return VoxelBox(as_index(hit[0] for hit in hits), as_index(hit[-1] + 1 for hit in hits))


def source_map(original: Grid, prepared: Grid) -> SourceMap:
    """The nearest voxels of `original` for those of `prepared`, whose axes are closest to R, A and S."""
    order, flipped = axis_order(original, "RAS")
    nothing = np.broadcast_to(np.uint8(0), original.shape_ijk[::-1])
    turned = reorient(Volume.from_array(nothing, original.ijk_to_ras, axes="kji"), "RAS").grid
    lookups = nearest_index_maps(turned, prepared, clamp=True)
    x, y, z = (
        original.shape_ijk[axis] - 1 - lookup if flipped[axis] else lookup
        for axis, lookup in zip(order, lookups, strict=True)
    )
    return SourceMap(order, (x, y, z))
