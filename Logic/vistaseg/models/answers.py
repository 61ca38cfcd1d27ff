"""Checks of what a network answers, and an image to compare answers on."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from vistaseg.errors import WeightsError


def require_numbers(answer: Tensor) -> None:
    """Raise WeightsError where what a network answered is not finite."""
    if not torch.isfinite(answer.sum(dtype=torch.float32)):
        raise WeightsError(
            "The model's answer is not a number: its weights are damaged. Run `vistaseg weights verify`, or install "
            "them again."
        )


def noise(size: tuple[int, ...]) -> Tensor:
    """(1, 1, x, y, z) in 0…1, the same on every machine: an image to compare answers on."""
    return torch.from_numpy(np.random.RandomState(0).random_sample((1, 1, *size)).astype(np.float32))
