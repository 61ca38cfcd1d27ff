"""Label images taken to other voxels, by the nearest neighbour, through any transform."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import slicer
import vtk

from vistaseg.geometry.box import VoxelBox, as_index
from vistaseg.mrml.geometry import Lattice, array_of, lattice_of_image, shift
from vistaseg.mrml.transforms import linear_part

_SAMPLES_PER_AXIS = 9  # where a transform bends, the box is followed at so many places
_MARGIN = 2  # voxels, for what bends between those places


def resample(image: Any, lattice: Lattice, box: VoxelBox, transform: Any) -> Any:
    """The values of a label image on voxels of another lattice, 0 where it has none.

    Args:
        image: vtkOrientedImageData.
        lattice: where the result lies.
        box: of the lattice, that the result has.
        transform: from the coordinates of the image to those of the lattice.
    """
    output = slicer.vtkOrientedImageData()
    slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(
        image, lattice.image(box), output, False, False, transform
    )
    return output


def values_on(image: Any, lattice: Lattice, box: VoxelBox) -> np.ndarray:
    """The values of a label image of the same coordinates in a box of a lattice, (k, j, i), 0 elsewhere."""
    own = lattice_of_image(image)
    offset = shift(own, lattice)
    if offset is None:
        return array_of(resample(image, lattice, box, vtk.vtkGeneralTransform()))
    array = array_of(image)
    values = np.zeros(box.shape_kji, dtype=array.dtype)
    there = own.box.shifted(offset)
    common = there.intersection(box)
    if not common.empty:
        values[common.relative_to(box.start).slices_kji] = array[common.relative_to(there.start).slices_kji]
    return values


def covered_box(source: Lattice, target: Lattice, transform: Any) -> VoxelBox:
    """The box on one lattice that holds all of the voxels of another."""
    bends = linear_part(transform) is None
    steps = _SAMPLES_PER_AXIS if bends else 2
    ends = zip(source.box.start, source.box.stop, strict=True)
    axes = [np.linspace(first - 0.5, stop - 0.5, steps) for first, stop in ends]
    points = source.index_to_local(np.array(list(product(*axes))))
    moved = np.array([transform.TransformPoint(point) for point in points.tolist()])
    index = target.local_to_index(moved)
    margin = _MARGIN if bends else 0
    low, high = np.floor(index.min(axis=0)) - margin, np.ceil(index.max(axis=0)) + margin
    return VoxelBox(as_index(low), as_index(high + 1))
