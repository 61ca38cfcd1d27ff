"""Resampling to another spacing, turning and cropping, as MONAI's published preprocessing does them.

Every step acts on one axis at a time, so each is a table of source positions per axis; nothing here needs a
dense field of coordinates. MONAI 1.6.1's `Spacing` (bilinear, border padding, align_corners False) is the
reference for shapes, positions and values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from vistaseg.errors import InputError
from vistaseg.geometry.box import VoxelBox, as_index
from vistaseg.geometry.grid import Grid
from vistaseg.volume.volume import Volume

_MONAI_TOLERANCE = 1e-3  # monai.data.utils.AFFINE_TOL: nearer spacings are taken as equal
_TIE_DIGITS = 9  # positions that agree to this many decimals of a voxel are the same position


def resampled_grid(grid: Grid, spacing_mm: Sequence[float]) -> Grid:
    """Grid that `monai.transforms.Spacing(pixdim=spacing_mm)` makes of `grid`: same axes, other spacing.

    Args:
        spacing_mm: wanted spacing along i, j and k of `grid`.

    Raises:
        InputError: a spacing is not positive, or the axes of the grid are not at right angles.
    """
    grid.require_orthogonal("resampling")
    wanted = np.array(spacing_mm, dtype=np.float64)
    if wanted.shape != (3,) or not (wanted > 0).all():
        raise InputError(f"A spacing is three positive numbers in mm, not {tuple(spacing_mm)}.")
    current = np.array(grid.spacing)
    wanted = np.where(np.abs(current - wanted) <= _MONAI_TOLERANCE, current, wanted)
    target = _monai_shape_and_offset(grid, wanted)
    return grid if _unchanged(grid, target) else target


def resample_to_spacing(volume: Volume, spacing_mm: Sequence[float]) -> Volume:
    """The volume at `spacing_mm` (along its own i, j, k), float32, with linear interpolation.

    Shape and matrix are those of MONAI's `Spacing`; values agree to rounding. Beyond the outermost voxel
    centres the border value continues.

    Raises:
        InputError: a spacing is not positive, or the axes of the volume are not at right angles.
    """
    target = resampled_grid(volume.grid, spacing_mm)
    if target is volume.grid:
        return replace(volume, array=volume.array.astype(np.float32, copy=False))
    positions = [_axis_positions(volume.grid, target, axis) for axis in range(3)]
    return replace(volume, array=_interpolate(volume.array, positions), ijk_to_ras=target.ijk_to_ras)


def reorient(volume: Volume, orientation: str = "RAS") -> Volume:
    """The volume with its axes flipped and permuted to the closest `orientation`; voxels are not copied.

    Raises:
        InputError: `orientation` does not name each anatomical direction once.
    """
    order, flipped = axis_order(volume.grid, orientation)
    affine = volume.ijk_to_ras.copy()
    for axis in (axis for axis in range(3) if flipped[axis]):
        affine[:3, 3] += affine[:3, axis] * (volume.shape_ijk[axis] - 1)
        affine[:3, axis] *= -1
    affine[:3, :3] = affine[:3, list(order)]
    steps = tuple(slice(None, None, -1 if flip else 1) for flip in flipped)
    array = volume.array.transpose(2, 1, 0)[steps].transpose(order)
    return replace(volume, array=array.transpose(2, 1, 0), ijk_to_ras=affine)


def axis_order(grid: Grid, orientation: str) -> tuple[tuple[int, int, int], tuple[bool, bool, bool]]:
    """How to reach `orientation`: the axis of `grid` that each new axis comes from, and which of `grid` flip.

    Raises:
        InputError: `orientation` does not name each anatomical direction once.
    """
    wanted = [_axis_of_code(code) for code in orientation]
    if sorted(axis for axis, _ in wanted) != [0, 1, 2]:
        raise InputError(f"{orientation!r} is not an orientation: write three letters such as RAS or LPS.")
    signs = dict(wanted)
    source_of = {axis: index for index, (axis, _) in enumerate(grid.axes)}
    i, j, k = (source_of[axis] for axis, _ in wanted)
    flip_i, flip_j, flip_k = (sign != signs[axis] for axis, sign in grid.axes)
    return (i, j, k), (flip_i, flip_j, flip_k)


def crop(volume: Volume, box: VoxelBox) -> Volume:
    """The part of a volume in a box (i, j, k) of its voxels, which are not copied.

    Raises:
        InputError: the box is empty or reaches outside the volume.
    """
    if box.empty or box.intersection(VoxelBox.whole(volume.shape_ijk)) != box:
        raise InputError(f"The box {box.start} to {box.stop} does not lie in {volume.shape_ijk} voxels.")
    return replace(volume, array=volume.array[box.slices_kji], ijk_to_ras=volume.grid.cropped(box).ijk_to_ras)


def foreground_box(volume: Volume, threshold: float = 0.0, margin: int = 0) -> VoxelBox | None:
    """Smallest box (i, j, k) of all voxels above `threshold`, widened by `margin` voxels within the volume.

    Returns:
        None when no voxel is above the threshold.
    """
    seen = [np.zeros(size, dtype=bool) for size in volume.array.shape]
    for k, part in enumerate(volume.array):
        above = part > threshold
        seen[0][k] = above.any()
        seen[1] |= above.any(axis=1)
        seen[2] |= above.any(axis=0)
    if not seen[0].any():
        return None
    found = [np.flatnonzero(flags) for flags in reversed(seen)]
    box = VoxelBox(as_index(axis[0] - margin for axis in found), as_index(axis[-1] + 1 + margin for axis in found))
    return box.intersection(VoxelBox.whole(volume.shape_ijk))


def nearest_index_maps(source: Grid, target: Grid, clamp: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each axis of `target`, the nearest index of `source` at each of its indices.

    Both grids have the same axes in the same order and sense; they may differ in spacing, size and origin.

    Args:
        clamp: what lies outside `source` takes its border, which is how MONAI inverts `Spacing`. Otherwise
            what is more than half a voxel beyond the outermost voxel centres gets -1.
    """
    positions = [_axis_positions(source, target, axis) for axis in range(3)]
    i, j, k = (_nearest(axis, size, clamp) for axis, size in zip(positions, source.shape_ijk, strict=True))
    return i, j, k


def _monai_shape_and_offset(grid: Grid, spacing: np.ndarray) -> Grid:
    """`monai.data.utils.compute_shape_offset` for a grid whose axes keep their directions.

    MONAI keeps the first voxel where it is, unless rounding has made the axes not quite orthogonal; then it
    aligns the centres of the two grids. Both happen with real files, so both are needed.
    """
    unsheared = np.eye(4)
    unsheared[:3, :3] = _without_shear(grid.ijk_to_ras[:3, :3]) * spacing
    ends = [(0.0, size - 1.0) for size in grid.shape_ijk]
    corners = np.stack([*np.meshgrid(*ends, indexing="ij"), np.ones((2, 2, 2))]).reshape(4, -1)
    mapped = (np.linalg.solve(unsheared, grid.ijk_to_ras) @ corners)[:3]
    shape = np.round(np.ptp(mapped, axis=1) + 1.0)
    ratio = spacing / np.array(grid.spacing)
    affine = grid.ijk_to_ras.copy()
    affine[:3, :3] *= ratio
    if not np.allclose((mapped - mapped[:, :1]).min(axis=1), 0.0, rtol=_MONAI_TOLERANCE):
        affine[:3, 3] = grid.index_to_ras([(np.array(grid.shape_ijk) - shape * ratio) / 2.0])[0]
    i, j, k = (int(size) for size in shape)
    return Grid((i, j, k), affine)


def _without_shear(matrix: np.ndarray) -> np.ndarray:
    """Unit axes of (3, 3) `matrix` by QR decomposition, as in `monai.data.utils.zoom_affine`."""
    upper = np.linalg.cholesky(matrix.T @ matrix).T
    return np.asarray(matrix @ np.linalg.inv(upper))


def _unchanged(grid: Grid, target: Grid) -> bool:
    """Whether MONAI leaves the image alone because the two grids are the same to its tolerance."""
    if grid.shape_ijk != target.shape_ijk:
        return False
    step = np.linalg.solve(grid.ijk_to_ras, target.ijk_to_ras)
    return np.allclose(grid.ijk_to_ras, target.ijk_to_ras, atol=_MONAI_TOLERANCE) or np.allclose(
        step, np.eye(4), atol=_MONAI_TOLERANCE
    )


def _axis_positions(source: Grid, target: Grid, axis: int) -> np.ndarray:
    """Continuous index in `source` of each index of `target` along one axis."""
    step = np.linalg.solve(source.ijk_to_ras, target.ijk_to_ras)
    return np.asarray(step[axis, axis] * np.arange(target.shape_ijk[axis]) + step[axis, 3])


def _nearest(positions: np.ndarray, size: int, clamp: bool) -> np.ndarray:
    """Nearest index; halfway goes to the even one, as in PyTorch's `grid_sample`.

    Rounding first keeps the answer the same on every machine, where PyTorch's own halves are up to noise.
    """
    exact = np.round(positions, _TIE_DIGITS)
    rounded = np.rint(np.clip(exact, 0, size - 1) if clamp else exact).astype(np.int64)
    return np.where((rounded >= 0) & (rounded < size), rounded, -1)


def _interpolate(array: np.ndarray, positions: Sequence[np.ndarray]) -> np.ndarray:
    """Linear interpolation of (k, j, i) `array` at the given positions along (i, j, k); float32 (k, j, i)."""
    (i_low, i_high, i_part), (j_low, j_high, j_part), (k_low, k_high, k_part) = (
        _linear_weights(axis, size) for axis, size in zip(positions, array.shape[::-1], strict=True)
    )
    output = np.empty((k_low.size, j_low.size, i_low.size), dtype=np.float32)
    for k in range(k_low.size):
        plane = _mix(array[k_low[k]], array[k_high[k]], k_part[k])
        rows = _mix(plane[j_low], plane[j_high], j_part[:, None])
        output[k] = _mix(np.take(rows, i_low, axis=1), np.take(rows, i_high, axis=1), i_part)
    return output


def _linear_weights(positions: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    inside = np.clip(positions, 0, size - 1)
    low = np.floor(inside).astype(np.int64)
    return low, np.minimum(low + 1, size - 1), inside - low


def _mix(low: np.ndarray, high: np.ndarray, part: np.ndarray | float) -> np.ndarray:
    """Weighted mean in float64; with two products it is exact for part 0 and 1, even of huge values."""
    first = np.multiply(low, 1.0 - part, dtype=np.float64)
    return np.asarray(first + np.multiply(high, part, dtype=np.float64))


def _axis_of_code(code: str) -> tuple[int, int]:
    for codes, sign in (("RAS", 1), ("LPI", -1)):
        if code in codes:
            return codes.index(code), sign
    return -1, 1
