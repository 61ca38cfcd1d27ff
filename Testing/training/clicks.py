"""Clicks as a user would place them, for training the point branch."""

from __future__ import annotations

import torch
from torch import Tensor

PADDING, NEGATIVE, POSITIVE = -1, 0, 1
SPECIAL_OFFSET = 2
"""Added to the labels of clicks on classes with special points: 2 negative, 3 positive."""


def random_voxel(mask: Tensor, generator: torch.Generator) -> Tensor | None:
    """Index (3,) of one voxel of a mask, or None where the mask is empty."""
    places = mask.nonzero()
    return places[int(torch.randint(len(places), (), generator=generator))] if len(places) else None


def inner_voxel(mask: Tensor, generator: torch.Generator) -> Tensor | None:
    """A voxel away from the border where the mask is thick enough: people click near the middle."""
    inside = torch.nn.functional.avg_pool3d(mask[None, None].float(), 3, 1, 1)[0, 0] > 0.99
    return random_voxel(inside if inside.any() else mask, generator)


def first_clicks(mask: Tensor, generator: torch.Generator) -> list[tuple[Tensor, int]]:
    """One positive click, sometimes with another positive and a negative nearby."""
    clicks = [(inner_voxel(mask, generator), POSITIVE)]
    if float(torch.rand((), generator=generator)) < 0.3:
        clicks.append((random_voxel(mask, generator), POSITIVE))
    if float(torch.rand((), generator=generator)) < 0.3:
        clicks.append((random_voxel(near(mask, 9) & ~mask, generator), NEGATIVE))
    return [(at, label) for at, label in clicks if at is not None]


def near(mask: Tensor, size: int) -> Tensor:
    """Voxels within size // 2 of the mask, and the mask."""
    return torch.nn.functional.max_pool3d(mask[None, None].float(), size, 1, size // 2)[0, 0] > 0


def correcting_click(mask: Tensor, prediction: Tensor, generator: torch.Generator) -> tuple[Tensor, int] | None:
    """A click inside the larger kind of error, away from its border where it can be."""
    missed, extra = mask & ~prediction, prediction & ~mask
    wrong, label = (missed, POSITIVE) if missed.sum() >= extra.sum() else (extra, NEGATIVE)
    at = inner_voxel(wrong, generator)
    return None if at is None else (at, label)


def as_tensors(clicks: list[list[tuple[Tensor, int]]], special: list[bool]) -> tuple[Tensor, Tensor]:
    """Coordinates (B, N, 3) and labels (B, N) of B objects, padded with -1."""
    longest = max(len(c) for c in clicks)
    coordinates = torch.zeros(len(clicks), longest, 3)
    labels = torch.full((len(clicks), longest), PADDING)
    for row, (own, is_special) in enumerate(zip(clicks, special, strict=True)):
        for column, (at, label) in enumerate(own):
            coordinates[row, column] = at.float()
            labels[row, column] = label + SPECIAL_OFFSET * is_special
    return coordinates, labels
