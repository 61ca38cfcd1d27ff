"""What tells one mask from another in few characters."""

from __future__ import annotations

import hashlib

import numpy as np

from vistaseg.segmentation.model import Extent, Mask, crop_to_content


def mask_fingerprint(mask: Mask, extent: Extent) -> str:
    """The same for the same voxels, whatever box they come in; 32 hexadecimal digits.

    Args:
        mask: bool (k, j, i), of `extent` only.
    """
    cropped, box = crop_to_content(mask, extent.start)
    place = f"{box.start}{box.stop}".encode()
    return hashlib.sha256(place + np.packbits(cropped).tobytes()).hexdigest()[:32]
