"""What lies in, on and under patients and is no part of them: metal with its streaks, arms beside the trunk, couches.

Images are (1, 1, X, Y, Z) float32 in HU, voxels of 3 mm, RAS.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

HUMERI = (87, 88)
"""Classes that a drawn arm may or may not be."""
METAL_SHARE, ARMS_SHARE, COUCH_SHARE = 0.06, 0.12, 0.15
"""Of the patches."""
METAL, BRIGHTEST = 3000.0, 3071.0
OUTSIDE = -950.0
"""HU below which a voxel is air and no lung."""
REACH = 12.0
"""Voxels at which streaks have faded to a third."""


def _uniform(low: float, high: float, generator: torch.Generator) -> float:
    return low + (high - low) * float(torch.rand((), generator=generator))


def with_artefacts(image: Tensor, generator: torch.Generator) -> Tensor:
    """An image with none, one or several of them."""
    for share, add in ((ARMS_SHARE, with_arm), (COUCH_SHARE, with_couch), (METAL_SHARE, with_metal)):
        if float(torch.rand((), generator=generator)) < share:
            image = add(image, generator)
    return image


def with_metal(image: Tensor, generator: torch.Generator) -> Tensor:
    """A piece of metal in the body, with bright and dark streaks in its axial planes."""
    x, y, z = image.shape[-3:]
    body = (image[0, 0] > OUTSIDE).nonzero()
    if not len(body):
        return image
    at = body[int(torch.randint(len(body), (), generator=generator))].tolist()
    dx = torch.arange(x)[:, None] - at[0] + 0.01
    dy = torch.arange(y)[None] - at[1]
    distance, angle = torch.hypot(dx, dy), torch.atan2(dy.float(), dx)
    streaks = sum(
        _uniform(-1, 1, generator) * torch.cos(number * angle + _uniform(0, 2 * math.pi, generator))
        for number in range(1, 12)
    )
    thickness = 1 + int(torch.randint(max(1, z // 4), (), generator=generator))
    planes = slice(max(0, at[2] - thickness), at[2] + thickness)
    found = image.clone()
    strength = _uniform(60, 400, generator) * torch.exp(-distance / REACH)
    found[0, 0, :, :, planes] += (strength * streaks)[..., None]
    found[0, 0, :, :, planes][distance <= _uniform(0.8, 2.5, generator)] = METAL
    return found.clamp(-1024, BRIGHTEST)


def with_arm(image: Tensor, generator: torch.Generator) -> Tensor:
    """An arm that hangs down where air is: flesh around a bone, along z. It has no label, and hides no body."""
    x, y, z = image.shape[-3:]
    radius = _uniform(8, 15, generator)
    left = float(torch.rand((), generator=generator)) < 0.5
    start = torch.tensor([_uniform(-0.3, 0.15, generator) * x, _uniform(0.2, 0.8, generator) * y])
    if left:
        start[0] = x - start[0]
    slope = 0.2 * (2 * torch.rand(2, generator=generator) - 1)
    heights = torch.arange(z)
    dx = torch.arange(x)[:, None, None] - (start[0] + slope[0] * heights)
    dy = torch.arange(y)[None, :, None] - (start[1] + slope[1] * heights)
    distance = torch.hypot(dx, dy)
    flesh = torch.where(distance < 0.75 * radius, _uniform(30, 70, generator), -100.0)
    arm = torch.where(distance < 0.25 * radius, _uniform(300, 1100, generator), flesh)
    return torch.where((distance < radius) & (image[0, 0] < OUTSIDE) & outside(image[0, 0]), arm, image[0, 0])[
        None, None
    ]


def with_couch(image: Tensor, generator: torch.Generator) -> Tensor:
    """A couch behind the patient, or in front of one who lies prone: a curved plate where air is."""
    x, y, _ = image.shape[-3:]
    at, bend = _uniform(0, y, generator), _uniform(-0.003, 0.003, generator)
    across = torch.arange(x)[:, None] - x / 2
    depth = (torch.arange(y)[None] - at - bend * across**2).abs()
    plate = (depth < _uniform(0.6, 1.6, generator))[..., None]
    density = _uniform(-500, 300, generator)
    return torch.where(plate & outside(image[0, 0]), density, image[0, 0])[None, None]


def outside(image: Tensor) -> Tensor:
    """Voxels of (X, Y, Z) with air in front of them up to the border, or behind them."""
    air = image < OUTSIDE
    before = air.int().cumprod(1) > 0
    behind = air.flip(1).int().cumprod(1).flip(1) > 0
    found: Tensor = before | behind
    return found
