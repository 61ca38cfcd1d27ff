"""Label images taken to other voxels, by the nearest neighbour, through any transform."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import slicer

from vistaseg.mrml.geometry import Bounds, Lattice, as_bounds
from vistaseg.mrml.transforms import linear_part

_SAMPLES_PER_AXIS = 9  # where a transform bends, the box is followed at so many places
_MARGIN = 2  # voxels, for what bends between those places


def resample(image: Any, lattice: Lattice, bounds: Bounds, transform: Any) -> Any:
    """The values of a label image on voxels of another lattice, 0 where it has none.

    Args:
        image: vtkOrientedImageData.
        lattice: where the result lies.
        bounds: which voxels of the lattice the result has.
        transform: from the coordinates of the image to those of the lattice.
    """
    output = slicer.vtkOrientedImageData()
    slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(
        image, lattice.image(bounds), output, False, False, transform
    )
    return output


def covered_bounds(source: Lattice, target: Lattice, transform: Any) -> Bounds:
    """Bounds on one lattice that hold all of the voxels of another."""
    bends = linear_part(transform) is None
    steps = _SAMPLES_PER_AXIS if bends else 2
    axes = [np.linspace(first - 0.5, last + 0.5, steps) for first, last in _pairs(source.bounds)]
    points = source.index_to_local(np.array(list(product(*axes))))
    moved = np.array([transform.TransformPoint(point) for point in points.tolist()])
    index = target.local_to_index(moved)
    margin = _MARGIN if bends else 0
    low, high = np.floor(index.min(axis=0)) - margin, np.ceil(index.max(axis=0)) + margin
    return as_bounds([int(value) for pair in zip(low, high, strict=True) for value in pair])


def common_bounds(one: Bounds, other: Bounds) -> Bounds:
    """What two bounds have in common; empty where that is nothing."""
    both = [(max(a[0], b[0]), min(a[1], b[1])) for a, b in zip(_pairs(one), _pairs(other), strict=True)]
    return as_bounds([value for pair in both for value in pair])


def _pairs(bounds: Bounds) -> list[tuple[int, int]]:
    return list(zip(bounds[::2], bounds[1::2], strict=True))
