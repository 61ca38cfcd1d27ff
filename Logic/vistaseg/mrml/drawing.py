"""What segments are on the voxels that they were drawn on, where the grid of a volume does not hold them unchanged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from vistaseg.geometry.box import VoxelBox
from vistaseg.mrml.geometry import array_of, has_voxels, lattice_of_image
from vistaseg.mrml.reading import LabelmapPlacement
from vistaseg.mrml.transforms import array_from_matrix
from vistaseg.segmentation.drawn import Drawn, drawn_segments


def drawn_of(image: Any, placement: LabelmapPlacement, values: Mapping[str, int]) -> dict[str, Drawn]:
    """Segment id → what it is in a label map; nothing where the volume holds all of that map's voxels as they are.

    Where a transform bends, what lies outside the volume is not counted.

    Args:
        image: vtkOrientedImageData that holds the segments, or None.
        placement: how it lies to the volume.
        values: segment id → the value that it is drawn with.
    """
    if not has_voxels(image) or _holds_all(image, placement):
        return {}
    lattice, grid = lattice_of_image(image), placement.grid
    own, to_grid = lattice.ijk_to_local, np.eye(4)
    if placement.offset is not None:
        to_grid[:3, 3] = np.negative(placement.offset)
        own = grid.ijk_to_ras
    elif not placement.bends:
        own = array_from_matrix(placement.transform.GetMatrix()) @ lattice.ijk_to_local
        to_grid = grid.ras_to_ijk @ own
    labels, box = array_of(image), lattice.box
    shape = box.stop if placement.bends else grid.shape_ijk
    voxel_ml = abs(float(np.linalg.det(own[:3, :3]))) / 1000
    found = drawn_segments(labels, box.start, list(values.values()), to_grid, shape, voxel_ml)
    return {each: replace(one, bent=placement.bends) for each, one in zip(values, found, strict=True)}


def _holds_all(image: Any, placement: LabelmapPlacement) -> bool:
    if placement.offset is None:
        return False
    box = lattice_of_image(image).box.relative_to(placement.offset)
    return box.intersection(VoxelBox.whole(placement.grid.shape_ijk)) == box
