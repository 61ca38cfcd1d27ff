"""Regions in RAS mm on the network's grid."""

from __future__ import annotations

import numpy as np

from vistaseg.errors import InputError
from vistaseg.geometry.box import VoxelBox
from vistaseg.models.vista3d.preprocessing import NetworkImage
from vistaseg.prompts import RegionOfInterest


def region_box(region: RegionOfInterest, image: NetworkImage) -> VoxelBox:
    """Smallest box of the image's voxels that holds the region.

    Raises:
        InputError: the region does not meet the image.
    """
    corners = image.grid.ras_to_index(region.corners())
    start = np.maximum(np.floor(corners.min(axis=0)), 0).astype(int)
    stop = np.minimum(np.ceil(corners.max(axis=0)) + 1, image.size).astype(int)
    if (stop <= start).any():
        raise InputError("The region of interest lies outside the body in this scan. Choose a region that meets it.")
    return VoxelBox((int(start[0]), int(start[1]), int(start[2])), (int(stop[0]), int(stop[1]), int(stop[2])))
