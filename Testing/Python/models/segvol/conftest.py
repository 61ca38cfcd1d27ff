"""A SegVol small enough to run in milliseconds, with random weights; every axis has a size of its own."""

from __future__ import annotations

import pytest
import torch

from vistaseg.models.segvol.configuration import SegVolConfiguration
from vistaseg.models.segvol.network import SegVolNetwork, build_network


@pytest.fixture(scope="session")
def small() -> SegVolConfiguration:
    return SegVolConfiguration(
        image_size=(8, 16, 48),
        patch_size=(4, 4, 8),
        width=48,
        depth=2,
        heads=4,
        mlp=64,
        decoder_mlp=64,
        text_width=32,
        text_depth=2,
        text_heads=4,
        text_mlp=64,
    )


@pytest.fixture(scope="session")
def network(small: SegVolConfiguration) -> SegVolNetwork:
    torch.manual_seed(3)
    return build_network(small).requires_grad_(False)
