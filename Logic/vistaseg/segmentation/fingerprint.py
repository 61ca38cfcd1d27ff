"""What tells one mask from another in few characters."""

from __future__ import annotations

import hashlib

import numpy as np

from vistaseg.geometry.box import VoxelBox
from vistaseg.segmentation.model import Mask, crop_to_content


def mask_fingerprint(mask: Mask, extent: VoxelBox) -> str:
    """The same for the same voxels, whatever box they come in; 32 hexadecimal digits.

    Args:
        mask: bool (k, j, i), of `extent` only.
    """
    cropped, box = crop_to_content(mask, extent.start)
    return packed_fingerprint(np.packbits(cropped).tobytes(), box)


def packed_fingerprint(bits: bytes, extent: VoxelBox) -> str:
    """`mask_fingerprint` of a mask that is packed already.

    Args:
        bits: of the mask (k, j, i), in C order, as `numpy.packbits` gives them.
        extent: of the mask, cropped to its content.
    """
    place = f"{extent.start}{extent.stop}".encode()
    return hashlib.sha256(place + bits).hexdigest()[:32]
