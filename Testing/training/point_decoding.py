"""VISTA3D's point head for training: the logits of `point_head.logits`, through which gradients can flow.

A patch that is smaller than the window of the software can stand somewhere in such a window, so that distances mean
the same in both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from monai.networks.nets.vista3d import PointMappingSAM
from torch import Tensor

from vistaseg.geometry.box import Index
from vistaseg.models.correction import VoxelClick
from vistaseg.models.vista3d.point_head import ClickTarget


@dataclass(frozen=True)
class Frame:
    """Where a patch stands in a window; all even, in voxels.

    Attributes:
        window: sides of the window.
        start: of the patch in it.
    """

    window: Index
    start: Index


def positions(head: PointMappingSAM, size: Sequence[int], frame: Frame) -> Tensor:
    """Encoded positions (1, C, x, y, z) of a grid of half the resolution."""
    axes = [
        (2 * torch.arange(n) + start + 1) / side for n, start, side in zip(size, frame.start, frame.window, strict=True)
    ]
    places = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)
    encoded: Tensor = head.pe_layer._pe_encoding(places.to(head.mask_tokens.weight.device))
    return encoded.permute(3, 0, 1, 2)[None]


def click_tokens(head: PointMappingSAM, clicks: Sequence[VoxelClick], target: ClickTarget, frame: Frame) -> Tensor:
    """(1, 1 + clicks + 1, C): the mask's token, the clicks, and whether the class is known."""
    places = torch.tensor([[click.index for click in clicks]]) + torch.tensor(frame.start) + 0.5
    encoded = head.pe_layer.forward_with_coords(places.to(head.mask_tokens.weight.device), frame.window)[0]
    kinds = torch.cat([head.point_embeddings[int(click.positive)].weight for click in clicks])
    if target.special:
        kinds = kinds + head.special_class_embed.weight
    known = head.supported_embed if target.supported else head.zeroshot_embed
    return torch.cat([head.mask_tokens.weight, encoded + kinds, known.weight])[None]


def decode(
    head: PointMappingSAM,
    reduced: Tensor,
    encoded: Tensor,
    clicks: Sequence[VoxelClick],
    target: ClickTarget,
    frame: Frame,
) -> Tensor:
    """Logits (x, y, z) of the object that the clicks mean.

    Args:
        reduced: (1, C, x/2, y/2, z/2), by `point_head.reduce`.
        encoded: by `positions`.
    """
    answered, keys = head.transformer(reduced, encoded, click_tokens(head, clicks, target, frame))
    kernel = head.output_hypernetworks_mlps(answered[:, 0])[0]
    enlarge, norm, activation, convolution = head.output_upscaling
    features = activation(norm(enlarge(keys.transpose(1, 2).unflatten(2, reduced.shape[2:]))))
    # The last convolution and the kernel are both linear: one channel comes out of their product.
    weight = torch.einsum("o,oixyz->ixyz", kernel, convolution.weight)[None]
    return functional.conv3d(features, weight, padding=1)[0, 0] + kernel @ convolution.bias
