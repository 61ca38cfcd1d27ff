"""Clicks as tensors, for training the small SegVol."""

from __future__ import annotations

import torch
from torch import Tensor

PADDING, NEGATIVE, POSITIVE = -1, 0, 1


def random_voxel(mask: Tensor, generator: torch.Generator) -> Tensor | None:
    """Index (3,) of one voxel of a mask, or None where the mask is empty."""
    places = mask.nonzero()
    return places[int(torch.randint(len(places), (), generator=generator))] if len(places) else None


def as_tensors(clicks: list[list[tuple[Tensor, int]]]) -> tuple[Tensor, Tensor]:
    """Coordinates (B, N, 3) and labels (B, N) of B objects, padded with -1."""
    longest = max(len(c) for c in clicks)
    coordinates = torch.zeros(len(clicks), longest, 3)
    labels = torch.full((len(clicks), longest), PADDING)
    for row, own in enumerate(clicks):
        for column, (at, label) in enumerate(own):
            coordinates[row, column] = at.float()
            labels[row, column] = label
    return coordinates, labels
