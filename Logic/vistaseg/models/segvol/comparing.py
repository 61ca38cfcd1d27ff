"""Answers of a loaded SegVol that should be the same in another precision."""

from __future__ import annotations

import torch

from vistaseg.models.answers import noise
from vistaseg.models.segvol.model import SegVol
from vistaseg.models.spec import Comparison


def precision_comparison(model: SegVol) -> Comparison:
    """Embedding of one window in fp32 and in the chosen precision."""
    image = noise(model.configuration.image_size).to(model.compute.device)
    with torch.inference_mode():
        expected = model.network.embed(image).float().cpu()
        with model.compute.autocast():
            found = model.network.embed(image).float().cpu()
    return Comparison("precision", expected, found)
