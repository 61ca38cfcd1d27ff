"""Lungs and bone by their density: labels for CTs of which nobody drew them."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from training_structures import BONE, LEFT_LUNG, RIGHT_LUNG, UNSURE_BONE

LUNG_HU, BODY_HU, BONE_HU = -500, -300, 200
SMALLEST_LUNG = 2000
"""Voxels of 3 mm, 54 ml."""
WINDPIPE = 2
"""Voxels by which air is shrunk to part the lungs from the windpipe."""
MARROW = 3
"""Voxels around dense bone in which nobody is sure."""


def body_of(image: np.ndarray) -> np.ndarray:
    """Mask (x, y, z) of the largest thing that is no air, with what it encloses in each axial plane.

    Args:
        image: HU, (x, y, z).
    """
    solid, _ = ndimage.label(ndimage.binary_opening(image > BODY_HU))
    sizes = np.bincount(solid.ravel())
    sizes[0] = 0
    body = solid == sizes.argmax()
    found: np.ndarray = np.stack([ndimage.binary_fill_holes(plane) for plane in body.transpose(2, 0, 1)], axis=-1)
    return found


def lungs_in_the_lowest_plane(image: np.ndarray, middle: float) -> dict[int, np.ndarray]:
    """Masks of the lungs of a scan that ends in them below; empty where both were not found.

    Args:
        image: HU, (x, y, z) of 3 mm, RAS.
        middle: x between the two.
    """
    air = ndimage.binary_opening(body_of(image) & (image < LUNG_HU))
    cores, _ = ndimage.label(ndimage.binary_erosion(air, iterations=WINDPIPE, border_value=1))
    sizes, lowest = np.bincount(cores.ravel()), np.unique(cores[..., :2])
    found: dict[int, np.ndarray] = {}
    for core in (core for core in lowest if core and sizes[core] >= SMALLEST_LUNG // 4):
        lung = ndimage.binary_dilation(cores == core, iterations=WINDPIPE + 1) & air
        xs = np.nonzero(lung.any(axis=(1, 2)))[0]
        if lung.sum() < SMALLEST_LUNG or xs[0] < middle - 5 and xs[-1] > middle + 5:
            continue
        side = RIGHT_LUNG if xs.mean() > middle else LEFT_LUNG
        found[side] = found.get(side, False) | lung
    return found if len(found) == 2 else {}


def with_bone(labels: np.ndarray, bone: np.ndarray) -> np.ndarray:
    """Labels with dense bone where nothing else is, and with what may be marrow around it.

    Args:
        labels: (x, y, z).
        bone: mask of what is dense.
    """
    near = ndimage.binary_closing(bone, iterations=MARROW) | ndimage.binary_dilation(bone)
    found = np.where((labels == 0) & near, UNSURE_BONE, labels).astype(np.uint8)
    found[(labels == 0) & bone] = BONE
    return found
