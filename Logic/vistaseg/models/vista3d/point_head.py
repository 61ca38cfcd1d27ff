"""VISTA3D's point head in two parts: what a window costs once, and what each set of clicks costs.

The steps are those of `monai.networks.nets.vista3d.PointMappingSAM.forward` for one object; the part before the clicks
is kept (`reduce`), the part after them is `logits`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from monai.networks.nets.vista3d import PointMappingSAM
from torch import Tensor

from vistaseg.geometry.box import Index
from vistaseg.models.correction import VoxelClick
from vistaseg.models.vista3d.upscaling import object_logits


@dataclass(frozen=True)
class ClickTarget:
    """What is clicked on, as far as the head can tell.

    Attributes:
        supported: a class that the model was trained on, and not a structure without a class.
        special: a class whose clicks carry labels of their own.
    """

    supported: bool
    special: bool = False


def reduce(head: PointMappingSAM, features: Tensor) -> Tensor:
    """Features (1, C, x, y, z) of the point decoder at half the resolution: all that clicks need."""
    reduced: Tensor = head.feat_downsample(features)
    return reduced


def logits(
    head: PointMappingSAM, reduced: Tensor, size: Index, clicks: Sequence[VoxelClick], target: ClickTarget
) -> Tensor:
    """Logits (x, y, z) of the object that the clicks mean.

    Args:
        reduced: what `reduce` gave for the window.
        size: voxels of the window.
        clicks: at least one, in the window's own voxels, or between them.
    """
    # Of what was encoded in bf16 the head, a small part, still makes the most in float32.
    reduced = reduced.float()
    tokens = _tokens(head, size, clicks, target)
    positions = head.pe_layer(tuple(reduced.shape[2:]))[None]
    answered, keys = head.transformer(reduced, positions, tokens)
    image = keys.transpose(1, 2).unflatten(2, reduced.shape[2:])
    return object_logits(head.output_upscaling, image, head.output_hypernetworks_mlps(answered[:, 0])[0])


def _tokens(head: PointMappingSAM, size: Index, clicks: Sequence[VoxelClick], target: ClickTarget) -> Tensor:
    """(1, 1 + clicks + 1, C): the mask's token, the clicks, and whether the class is known."""
    device = head.mask_tokens.weight.device
    # The head counts from the corner of a voxel.
    places = torch.tensor([[click.exact for click in clicks]], dtype=torch.float32, device=device) + 0.5
    encoded = head.pe_layer.forward_with_coords(places, size)[0]
    kinds = torch.cat([head.point_embeddings[int(click.positive)].weight for click in clicks])
    if target.special:
        kinds = kinds + head.special_class_embed.weight
    known = head.supported_embed if target.supported else head.zeroshot_embed
    return torch.cat([head.mask_tokens.weight, encoded + kinds, known.weight])[None]
