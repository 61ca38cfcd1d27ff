"""The last step of VISTA3D's point head: from image features at half the resolution to the logits of one object.

The published head upscales the features, convolves all their channels once more and multiplies the result by the
object's kernel. The last convolution and the kernel are both linear, so that the kernel can be multiplied into the
convolution's weights first: one channel comes out of it instead of 48.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

PLANES_AT_A_TIME = 4
"""Planes of a window whose channels stay in a CPU's cache between one operation and the next."""


def object_logits(upscaling: nn.Sequential, reduced: Tensor, kernel: Tensor) -> Tensor:
    """Logits (x, y, z) of the object that a kernel describes.

    Args:
        upscaling: transposed convolution, norm, activation and convolution: `PointMappingSAM.output_upscaling`.
        reduced: (1, C, x/2, y/2, z/2).
        kernel: (C,), what the hypernetwork makes of the clicks.
    """
    enlarge, norm, activation, convolution = upscaling.children()
    last = cast(nn.Conv3d, convolution)
    features = norm(enlarge(reduced))[0]
    taps = torch.einsum("o,oixyz->xyzi", kernel, last.weight).reshape(27, -1)
    x, y, z = features.shape[1:]
    sums = features.new_zeros(x + 2, y + 2, z + 2)
    for first in range(0, x, PLANES_AT_A_TIME):
        planes = activation(features[:, first : first + PLANES_AT_A_TIME])
        _add_taps(sums[first:], taps @ planes.flatten(1), planes.shape[1])
    found: Tensor = sums[1:-1, 1:-1, 1:-1] + kernel @ cast(Tensor, last.bias)
    return found


def _add_taps(sums: Tensor, products: Tensor, planes: int) -> None:
    """Add what each tap of a 3³ kernel makes of some planes where it belongs.

    Args:
        sums: (planes or more + 2, y + 2, z + 2): a voxel at (i, j, k) has its place at (i + 1, j + 1, k + 1).
        products: (27, planes · y · z), the taps in the order of the kernel's axes.
    """
    y, z = sums.shape[1] - 2, sums.shape[2] - 2
    for tap, product in enumerate(products.view(27, planes, y, z)):
        # A convolution reads at p + tap - 1, so that what is read at q belongs at q + 1 - tap.
        i, j, k = 2 - tap // 9, 2 - tap // 3 % 3, 2 - tap % 3
        sums[i : i + planes, j : j + y, k : k + z] += product
