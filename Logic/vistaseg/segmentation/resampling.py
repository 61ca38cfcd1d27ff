"""A segmentation on another grid, by the nearest voxel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from vistaseg.geometry.box import EMPTY_BOX, Index, VoxelBox, as_index
from vistaseg.geometry.matrices import Matrix
from vistaseg.masks.boxed import NO_VOXELS, BoxedMask, Mask
from vistaseg.segmentation.drawn import Drawn, drawn_segments
from vistaseg.segmentation.model import Segment, Segmentation

if TYPE_CHECKING:
    from vistaseg.geometry.grid import Grid

_SAME_VOXELS = 0.1
"""Part of a voxel. Two grids nearer than that have the same voxels; positions in files are often rounded."""

_TIE_DIGITS = 9
"""Of a voxel: rounding first keeps the choice halfway between two voxels the same on every machine."""


@dataclass(frozen=True, eq=False)
class Placed:
    """A segmentation that was put onto another grid.

    Attributes:
        aligned: whether it has the same voxels as before, at most in another order.
        cut: names of segments that then reach outside the grid and have lost voxels.
    """

    segmentation: Segmentation
    aligned: bool
    cut: tuple[str, ...]


def onto_grid(segmentation: Segmentation, grid: Grid) -> Placed:
    """The segmentation on `grid`, each voxel as its nearest on the old grid; what lies outside that is empty.

    Segments that `grid` does not hold unchanged say in `drawn` what they were.
    """
    to_old = np.linalg.inv(segmentation.ijk_to_ras) @ grid.ijk_to_ras
    steps = np.rint(to_old)
    ends = np.array([[*corner, 1.0] for corner in product(*[(0, size - 1) for size in grid.shape_ijk])]).T
    aligned = _is_turn(steps) and float(np.abs((to_old - steps) @ ends).max()) < _SAME_VOXELS
    make = _turned if aligned else _resampled
    segments = [make(segment, steps if aligned else to_old, grid) for segment in segmentation.segments]
    pairs = list(zip(segmentation.segments, segments, strict=True))
    for old, new in pairs:
        if old.drawn is None and (not aligned or new.voxel_count < old.voxel_count):
            new.drawn = _drawn(old, to_old, segmentation.grid, grid)
    cut = tuple(new.name for old, new in pairs if aligned and new.voxel_count < old.voxel_count)
    return Placed(Segmentation(grid.shape_ijk, grid.ijk_to_ras, segments, segmentation.name), aligned, cut)


def _drawn(segment: Segment, to_old: Matrix, own: Grid, grid: Grid) -> Drawn:
    """The segment on its own grid, for what it loses on another."""
    voxel_ml = abs(float(np.linalg.det(own.ijk_to_ras[:3, :3]))) / 1000
    labels, to_grid = segment.mask.array.view(np.uint8), np.linalg.inv(to_old).astype(np.float64)
    return drawn_segments(labels, segment.mask.box.start, [1], to_grid, grid.shape_ijk, voxel_ml)[0]


def _is_turn(steps: Matrix) -> bool:
    """Whether the axes only change their order and sense."""
    axes = np.abs(steps[:3, :3])
    return bool((axes.sum(axis=0) == 1).all() and (axes.sum(axis=1) == 1).all())


def _with_mask(segment: Segment, mask: BoxedMask) -> Segment:
    return replace(segment, mask=mask, provenance=dict(segment.provenance))


def _turned(segment: Segment, to_old: Matrix, grid: Grid) -> Segment:
    """The same voxels in the order of the new grid."""
    if segment.mask.box.empty:
        return _with_mask(segment, NO_VOXELS)
    old_axis = np.argmax(np.abs(to_old[:3, :3]), axis=0)  # of each new axis
    flipped = [to_old[old_axis[axis], axis] < 0 for axis in range(3)]
    turned = segment.mask.array.transpose(2, 1, 0).transpose(old_axis)
    turned = turned[tuple(slice(None, None, -1 if flip else 1) for flip in flipped)].transpose(2, 1, 0)
    corners = np.array([segment.mask.box.start, np.array(segment.mask.box.stop) - 1])
    first = (np.linalg.inv(to_old) @ np.c_[corners, [1, 1]].T)[:3].min(axis=1)
    return _with_mask(segment, _clipped(turned, as_index(np.rint(first)), grid))


def _clipped(mask: Mask, first: Index, grid: Grid) -> BoxedMask:
    """A mask (k, j, i) whose first voxel is at `first` (i, j, k), without what lies outside the grid."""
    whole = VoxelBox.whole(mask.shape[::-1]).shifted(first)
    inside = whole.intersection(VoxelBox.whole(grid.shape_ijk))
    return NO_VOXELS if inside.empty else BoxedMask.of(mask[inside.relative_to(first).slices_kji], inside.start)


def _resampled(segment: Segment, to_old: Matrix, grid: Grid) -> Segment:
    box = _box(segment.mask.box, to_old, grid)
    if box.empty:
        return _with_mask(segment, NO_VOXELS)
    mask = np.stack([_resampled_slice(segment, to_old, box, k) for k in range(box.start[2], box.stop[2])])
    return _with_mask(segment, BoxedMask.of(mask, box.start))


def _box(extent: VoxelBox, to_old: Matrix, grid: Grid) -> VoxelBox:
    """The part of the new grid whose voxels can be nearest to one of the extent."""
    if extent.empty:
        return EMPTY_BOX
    ends = [(low - 0.5, high - 0.5) for low, high in zip(extent.start, extent.stop, strict=True)]
    corners = np.array([[*corner, 1.0] for corner in product(*ends)]).T
    reached = (np.linalg.inv(to_old) @ corners)[:3]
    start = np.clip(np.floor(reached.min(axis=1)).astype(int), 0, grid.shape_ijk)
    stop = np.clip(np.ceil(reached.max(axis=1)).astype(int) + 1, start, grid.shape_ijk)
    return VoxelBox((int(start[0]), int(start[1]), int(start[2])), (int(stop[0]), int(stop[1]), int(stop[2])))


def _resampled_slice(segment: Segment, to_old: Matrix, box: VoxelBox, k: int) -> Mask:
    """(j, i) of one slice of the box."""
    i, j = np.meshgrid(range(box.start[0], box.stop[0]), range(box.start[1], box.stop[1]))
    points = np.stack([i.ravel(), j.ravel(), np.full(i.size, k), np.ones(i.size)])
    index = (
        np.rint(np.round((to_old @ points)[:3], _TIE_DIGITS)).astype(int)
        - np.array(segment.mask.box.start)[:, np.newaxis]
    )
    size = np.array(segment.mask.box.shape)[:, np.newaxis]
    inside = ((index >= 0) & (index < size)).all(axis=0)
    found = np.zeros(i.size, dtype=bool)
    found[inside] = segment.mask.array[index[2, inside], index[1, inside], index[0, inside]]
    return found.reshape(i.shape)
