"""What a network answered, before anything is made of it."""

from __future__ import annotations

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
