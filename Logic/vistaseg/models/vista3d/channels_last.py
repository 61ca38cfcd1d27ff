"""The network in the memory layout that CPUs convolve fastest in: the channels of a voxel side by side.

PyTorch's instance norm copies its input to "channels first" on a CPU, and every convolution after it is then slower by
half. Normalising each channel in place of its voxels keeps the layout through the whole network; the weights and the
results are the same up to rounding.
"""

from __future__ import annotations

from typing import TypeVar, cast

import torch
from monai.networks.blocks.dynunet_block import UnetResBlock
from monai.networks.nets.segresnet_ds import SegResBlock
from monai.networks.nets.vista3d import PointMappingSAM
from torch import Tensor, nn

ROWS_AT_A_TIME = 1 << 15
"""Voxels whose features stay in a CPU's cache between one operation and the next."""

Network = TypeVar("Network", bound=nn.Module)

READ_BY_NOBODY_ELSE = {
    SegResBlock: ("norm2",),
    UnetResBlock: ("norm1", "norm2"),
    PointMappingSAM: ("feat_downsample.1", "feat_downsample.4", "output_upscaling.1"),
}
"""Norms right behind a convolution of the same block, which need not keep what they normalise."""


class ChannelsLastInstanceNorm(nn.InstanceNorm3d):
    """`torch.nn.InstanceNorm3d` that keeps the channels last on a CPU.

    Attributes:
        in_place: write over the input, which has no other reader.
    """

    in_place = False

    def forward(self, input: Tensor) -> Tensor:
        """Normalise (B, C, x, y, z)."""
        if input.device.type != "cpu":
            return super().forward(input)
        input = input.contiguous(memory_format=torch.channels_last_3d)
        output = input if self.in_place else torch.empty_like(input)
        for sample, normalised in zip(input, output, strict=True):
            self._normalise(_rows(sample), _rows(normalised))
        return output

    def _normalise(self, rows: Tensor, output: Tensor) -> None:
        """Normalise the columns of (voxels, channels) into `output`, which may be `rows`."""
        mean = rows.mean(0, dtype=torch.float32)
        squares = torch.zeros_like(mean)
        for part in torch.split(rows, ROWS_AT_A_TIME):
            squares += (part.float() - mean).square_().sum(0)
        scale = (squares / len(rows) + self.eps).rsqrt_()
        if self.weight is not None:
            scale *= self.weight
        shift = -mean * scale
        if self.bias is not None:
            shift += self.bias
        for part, target in zip(torch.split(rows, ROWS_AT_A_TIME), torch.split(output, ROWS_AT_A_TIME), strict=True):
            torch.addcmul(shift, part, scale, out=target)


def _rows(sample: Tensor) -> Tensor:
    """(C, x, y, z) with the channels last in memory as (voxels, C), without a copy."""
    return sample.permute(1, 2, 3, 0).view(-1, sample.shape[0])


def to_channels_last(network: Network) -> Network:
    """Change a network in evaluation mode to the layout, in place; its tensors and their names stay as they are."""
    for module in network.modules():
        if type(module) is nn.InstanceNorm3d:
            module.__class__ = ChannelsLastInstanceNorm
        for name in READ_BY_NOBODY_ELSE.get(type(module), ()):
            cast(ChannelsLastInstanceNorm, module.get_submodule(name)).in_place = True
    for weight in network.parameters():
        if weight.dim() == 5:
            weight.data = weight.data.contiguous(memory_format=torch.channels_last_3d)
    return network
