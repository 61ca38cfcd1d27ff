"""What a segment is on the voxels that it was drawn on, where the grid of a scan does not hold it unchanged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from vistaseg.geometry.box import Index


@dataclass(frozen=True)
class Drawn:
    """A segment before it was cut to a grid, or resampled to it.

    Attributes:
        voxels: how many it had.
        milliliters: their volume.
        outside: how many of them have their centre outside the grid.
        bent: whether a transform that bends lies between, so that only the grid shows how large it is.
    """

    voxels: int
    milliliters: float
    outside: int
    bent: bool = False

    @property
    def milliliters_inside(self) -> float:
        """The volume of those that lie on the grid."""
        return self.milliliters * (self.voxels - self.outside) / max(self.voxels, 1)


def own_size(drawn: Drawn | None, voxels: int, milliliters: float) -> tuple[int, float]:
    """How many voxels a segment has, and its volume in ml: of its own voxels, wherever these lie.

    It is what Slicer's Segment Statistics measures. A grid that is coarser than a lesion makes it larger or smaller.

    Args:
        drawn: the segment on its own voxels; None where the grid holds it unchanged.
        voxels: on the grid.
        milliliters: on the grid.
    """
    return (voxels, milliliters) if drawn is None or drawn.bent else (drawn.voxels, drawn.milliliters)


def drawn_segments(
    labels: npt.NDArray[Any],
    start: Index,
    values: Sequence[int],
    to_grid: npt.NDArray[np.float64],
    shape_ijk: Index,
    voxel_ml: float,
) -> list[Drawn]:
    """What the segments of a label map are on its own voxels.

    Args:
        labels: (k, j, i), not negative.
        start: index (i, j, k) of the first voxel.
        values: of the segments.
        to_grid: (4, 4), from an index (i, j, k) of the label map to one of the grid.
        shape_ijk: of the grid.
        voxel_ml: volume of a voxel of the label map.
    """
    most = max(values, default=0) + 1
    counts, outside = np.zeros((2, most), dtype=np.int64)
    cut = _reaches_outside(labels.shape, start, to_grid, shape_ijk)
    for k, plane in enumerate(labels, start=start[2]):
        j, i = np.nonzero(plane)
        found = np.minimum(plane[j, i].astype(np.intp), most)
        counts += np.bincount(found, minlength=most + 1)[:most]
        if cut and found.size:
            index = to_grid[:3, :3] @ np.stack([i + start[0], j + start[1], np.full(i.size, k)]) + to_grid[:3, 3:]
            out = (_beyond(index, shape_ijk)).any(axis=0)
            outside += np.bincount(found[out], minlength=most + 1)[:most]
    return [Drawn(int(counts[value]), int(counts[value]) * voxel_ml, int(outside[value])) for value in values]


def _beyond(index: npt.NDArray[np.float64], shape_ijk: Index) -> npt.NDArray[np.bool_]:
    """Which continuous indices (3, N) are nearer to a place outside a grid than to a voxel of it."""
    rounding = 1e-6
    size = np.array(shape_ijk)[:, np.newaxis]
    return (index < -0.5 - rounding) | (index > size - 0.5 + rounding)


def _reaches_outside(shape: Sequence[int], start: Index, to_grid: npt.NDArray[np.float64], shape_ijk: Index) -> bool:
    """Whether the voxel in any corner of a label map lies outside a grid."""
    ends = [(first, first + size - 1) for first, size in zip(start, reversed(shape), strict=True)]
    corners = np.array(list(product(*ends)), dtype=np.float64).T
    return bool(_beyond(to_grid[:3, :3] @ corners + to_grid[:3, 3:], shape_ijk).any())
