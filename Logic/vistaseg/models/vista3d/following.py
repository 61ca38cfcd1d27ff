"""Where a structure leaves the windows that it was found in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from vistaseg.geometry.box import Index, VoxelBox
from vistaseg.masks.boxed import Mask
from vistaseg.masks.components import depths


@dataclass(frozen=True)
class End:
    """A place (x, y, z) where a structure runs against a face of a window, and the way out."""

    place: Index
    axis: int
    step: int

    def ahead(self, by: Index) -> Index:
        """The place moved outwards, by what `by` says for that axis."""
        x, y, z = (p + self.step * by[a] * (a == self.axis) for a, p in enumerate(self.place))
        return x, y, z


def widest_end(found: Mask, windows: Sequence[VoxelBox], size: Index) -> End | None:
    """The middle of the largest area in which a mask (x, y, z) runs against a window's face, or None.

    Faces at the border of the image end nothing, and neither does a face behind which another of the windows lies.
    """
    ends = [end for end in _ends(found, windows, size) if end[0].any()]
    if not ends:
        return None
    area, face, axis, step = max(ends, key=lambda end: int(end[0].sum()))
    depth = _depth_in_layer(area, axis)
    x, y, z = (int(p) + a for p, a in zip(np.unravel_index(int(depth.argmax()), depth.shape), face.start, strict=True))
    return End((x, y, z), axis, step)


def _depth_in_layer(area: Mask, axis: int) -> np.ndarray:
    """Distance of each voxel of a layer to the rim of the area in it."""
    return np.expand_dims(depths(area.squeeze(axis)), axis)


def _ends(found: Mask, windows: Sequence[VoxelBox], size: Index) -> Iterator[tuple[Mask, VoxelBox, int, int]]:
    """What of the mask goes on behind the faces of the windows: in layers one voxel thick, with axis and direction."""
    for window in windows:
        inside = window.intersection(VoxelBox.whole(size))
        for axis in range(3):
            for layer, step in ((inside.start[axis], -1), (inside.stop[axis] - 1, 1)):
                if 0 <= layer + step < size[axis]:
                    face = _layer(inside, axis, layer)
                    yield found[face.slices] & ~_covered(face, axis, step, windows), face, axis, step


def _layer(box: VoxelBox, axis: int, at: int) -> VoxelBox:
    start, stop = list(box.start), list(box.stop)
    start[axis], stop[axis] = at, at + 1
    return VoxelBox((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))


def _covered(face: VoxelBox, axis: int, step: int, windows: Sequence[VoxelBox]) -> Mask:
    """Where the voxels behind a face lie in one of the windows."""
    covered = np.zeros(face.shape, dtype=bool)
    behind = face.shifted([step if a == axis else 0 for a in range(3)])
    for window in windows:
        shared = window.intersection(behind)
        if min(shared.shape) > 0:
            covered[shared.relative_to(behind.start).slices] = True
    return covered
