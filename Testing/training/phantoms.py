"""Bodies of random shape and density in a patch: what a click on something without a name is learned from."""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as functional
from augmentation import Patch, chance, uniform
from torch import Tensor

SMALLEST = 20
"""Voxels of a body that is worth a click."""


def random_body(side: int, generator: torch.Generator) -> Tensor:
    """Mask (side, side, side) of an ellipsoid of any direction with a bumpy surface."""
    axis = torch.arange(side, dtype=torch.float32)
    places = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), dim=-1)
    centre = side * (0.1 + 0.8 * torch.rand(3, generator=generator))
    radii = torch.tensor([uniform(0.05, 0.28, generator) * side for _ in range(3)])
    turn, _ = torch.linalg.qr(torch.randn(3, 3, generator=generator))
    distance = ((places - centre) @ turn / radii).norm(dim=-1)
    bumps = functional.interpolate(
        torch.randn(1, 1, 6, 6, 6, generator=generator), size=(side,) * 3, mode="trilinear", align_corners=True
    )
    return distance + 0.2 * bumps[0, 0] < 1


def with_bodies(patch: Patch, count: int, generator: torch.Generator) -> tuple[Patch, list[Tensor]]:
    """A patch with bodies in it, and the mask of each; a later body hides an earlier one."""
    image, masks = patch.image.clone(), []
    for _ in range(count):
        body = random_body(image.shape[-1], generator)
        if not body.any():
            continue
        shift = uniform(0.03, 0.3, generator) * (1 if chance(0.5, generator) else -1)
        density = (image[0, 0][body].mean() + shift).clamp(0, 1)
        texture = uniform(0.0, 0.5, generator)
        share = functional.avg_pool3d(body[None, None].float(), 3, 1, 1)
        image = image + share * (density + texture * (image - image.mean()) - image)
        masks = [mask & ~body for mask in masks] + [body]
    return replace(patch, image=image.clamp(0, 1)), [mask for mask in masks if int(mask.sum()) >= SMALLEST]
