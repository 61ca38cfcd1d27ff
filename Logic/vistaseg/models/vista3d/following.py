"""Where a structure leaves the windows that it was found in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy import ndimage

from vistaseg.models.vista3d.correction import Mask
from vistaseg.models.vista3d.windows import Box, Index3


def widest_end(found: Mask, windows: Sequence[Box], size: Index3) -> Index3 | None:
    """The middle of the largest area in which a mask (x, y, z) runs against a window's face, or None.

    Faces at the border of the image end nothing, and neither does a face behind which another of the windows lies.
    """
    ends = [(int(area.sum()), area, layer) for layer, area in _ends(found, windows, size) if area.any()]
    if not ends:
        return None
    _, area, layer = max(ends, key=lambda end: end[0])
    depth = ndimage.distance_transform_edt(np.pad(area, 1))[tuple(slice(1, -1) for _ in range(3))]
    depth[~area] = 0
    place = np.unravel_index(int(depth.argmax()), depth.shape)
    x, y, z = (int(p) + a for p, a in zip(place, layer.start, strict=True))
    return x, y, z


def _ends(found: Mask, windows: Sequence[Box], size: Index3) -> Iterator[tuple[Box, Mask]]:
    """Layers one voxel thick under the faces of the windows, and what of the mask goes on behind them."""
    for window in windows:
        inside = window.clipped(Box((0, 0, 0), size))
        for axis in range(3):
            for layer, step in ((inside.start[axis], -1), (inside.stop[axis] - 1, 1)):
                if 0 <= layer + step < size[axis]:
                    face = _layer(inside, axis, layer)
                    yield face, found[face.slices] & ~_covered(face, axis, step, windows)


def _layer(box: Box, axis: int, at: int) -> Box:
    start, stop = list(box.start), list(box.stop)
    start[axis], stop[axis] = at, at + 1
    return Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))


def _covered(face: Box, axis: int, step: int, windows: Sequence[Box]) -> Mask:
    """Where the voxels behind a face lie in one of the windows."""
    covered = np.zeros(face.shape, dtype=bool)
    behind = face.moved([step if a == axis else 0 for a in range(3)])
    for window in windows:
        shared = window.clipped(behind)
        if min(shared.shape) > 0:
            covered[shared.moved([-a for a in behind.start]).slices] = True
    return covered
