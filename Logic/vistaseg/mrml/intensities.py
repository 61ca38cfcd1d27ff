"""The intensities of a volume on the voxels of a segmentation, as the Segment Editor looks at them when it masks."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
from vtk.util.numpy_support import numpy_to_vtk

from vistaseg.geometry.box import VoxelBox, as_index
from vistaseg.mrml.geometry import Lattice, array_of, lattice_of_grid, offset_between
from vistaseg.mrml.transforms import transform_between
from vistaseg.mrml.volumes import volume_from_node

_MARGIN = 3
"""Voxels of the volume around a box: interpolation looks beyond it."""


def intensities_on(volume_node: Any, box: VoxelBox, lattice: Lattice, segmentation_node: Any) -> np.ndarray:
    """The values of a volume on the voxels of a segmentation, interpolated linearly where those lie otherwise.

    So does `vtkSlicerSegmentEditorLogic::UpdateAlignedSourceVolume`, with the whole volume.

    Args:
        box: of the volume; beyond it only its surroundings are looked at.
        lattice: in the coordinates of the segmentation node.

    Returns:
        (k, j, i) of the lattice, in the type of the volume; outside the volume, its background value.
    """
    volume = volume_from_node(volume_node)
    offset = offset_between(lattice, segmentation_node, volume_node)
    if offset is not None and lattice.box == box.shifted(offset):
        return volume.array[box.slices_kji]
    wider = _grown(box, volume.shape_ijk)
    image = lattice_of_grid(volume.grid.cropped(wider)).image()
    image.GetPointData().SetScalars(numpy_to_vtk(volume.array[wider.slices_kji].ravel(), deep=True))
    output = slicer.vtkOrientedImageData()
    slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(
        image,
        lattice.image(),
        output,
        True,  # linear
        False,
        transform_between(volume_node, segmentation_node),
        volume_node.GetImageBackgroundScalarComponentAsDouble(0),
    )
    return array_of(output)


def _grown(box: VoxelBox, shape_ijk: tuple[int, int, int]) -> VoxelBox:
    wider = VoxelBox(as_index(a - _MARGIN for a in box.start), as_index(b + _MARGIN for b in box.stop))
    return wider.intersection(VoxelBox.whole(shape_ijk))
