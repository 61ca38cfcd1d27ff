"""Label images taken to other voxels, by the nearest neighbour, through any transform."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import slicer
import vtk

from vistaseg.mrml.geometry import (
    Bounds,
    Lattice,
    Offset,
    array_of,
    as_bounds,
    is_empty,
    lattice_of_image,
    shift,
)
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


def values_on(image: Any, lattice: Lattice, bounds: Bounds) -> np.ndarray:
    """The values of a label image of the same coordinates within bounds of a lattice, (k, j, i), 0 elsewhere."""
    own = lattice_of_image(image)
    offset = shift(own, lattice)
    if offset is None:
        return array_of(resample(image, lattice, bounds, vtk.vtkGeneralTransform()))
    array = array_of(image)
    values = np.zeros([last - first + 1 for first, last in _pairs(bounds)][::-1], dtype=array.dtype)
    there = moved(own.bounds, offset)
    common = common_bounds(there, bounds)
    if not is_empty(common):
        values[slices_of(common, bounds)] = array[slices_of(common, there)]
    return values


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


def united_bounds(one: Bounds, other: Bounds) -> Bounds:
    """The smallest bounds that hold both."""
    both = [(min(a[0], b[0]), max(a[1], b[1])) for a, b in zip(_pairs(one), _pairs(other), strict=True)]
    return as_bounds([value for pair in both for value in pair])


def moved(bounds: Bounds, offset: Offset) -> Bounds:
    """Bounds after every index was changed by an offset."""
    return as_bounds([value + move for pair, move in zip(_pairs(bounds), offset, strict=True) for value in pair])


def slices_of(part: Bounds, whole: Bounds) -> tuple[slice, slice, slice]:
    """Slices that cut a part out of the array (k, j, i) of an image with the bounds `whole`."""
    ends = zip(_pairs(part), whole[::2], strict=True)
    i, j, k = (slice(first - origin, last - origin + 1) for (first, last), origin in ends)
    return k, j, i


def _pairs(bounds: Bounds) -> list[tuple[int, int]]:
    return list(zip(bounds[::2], bounds[1::2], strict=True))
