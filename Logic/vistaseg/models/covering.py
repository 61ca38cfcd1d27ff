"""The windows that cover a box of voxels."""

from __future__ import annotations

from monai.data.utils import dense_patch_slices

from vistaseg.geometry.box import Index, VoxelBox, as_index


def covering_windows(region: VoxelBox, window: Index, overlap: float) -> list[VoxelBox]:
    """Windows over a box, those of MONAI's `sliding_window_inference`; around it where it is smaller.

    Args:
        overlap: share of a window that neighbours have in common.
    """
    sides = [max(n, w) for n, w in zip(region.shape, window, strict=True)]
    interval = [_scan_interval(n, w, overlap) for n, w in zip(sides, window, strict=True)]
    origin = [a - max(w - n, 0) // 2 for a, n, w in zip(region.start, region.shape, window, strict=True)]
    return [
        VoxelBox(as_index(s.start for s in slices), as_index(s.stop for s in slices)).shifted(origin)
        for slices in dense_patch_slices(sides, window, interval)
    ]


def _scan_interval(side: int, window: int, overlap: float) -> int:
    """MONAI's step between windows along an axis."""
    return side if side == window else max(int(window * (1 - overlap)), 1)
