"""Which name fits what was found: SegVol's own opinion of a mask, a click or a box."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from vistaseg.errors import InputError, UsageError
from vistaseg.masks.boxed import Mask
from vistaseg.models.answers import require_numbers
from vistaseg.models.segvol.model import SegVolVolume
from vistaseg.progress import Progress
from vistaseg.prompts import Prompt

_AT_ONCE = 8
"""Names in one call of the network: their logits take 64 MB at the published size."""

_MOST_VOXELS = 4096
"""Voxels of the mask that are compared, evenly spread over it."""


def identify(
    opened: SegVolVolume, what: Prompt | Mask, names: Sequence[str], progress: Progress
) -> list[tuple[str, float]]:
    """Names and their probabilities, which sum to 1, the most probable first.

    p(name) = mean over the voxels v of the mask of softmax over names of logit(name, v), where logit(name, ·) is what
    the text alone gives in the shrunk volume. The softmax over the logits of the names is the paper's (arXiv
    2311.13385); the mean over voxels is ours, since no code for it is published.

    Args:
        what: a mask, bool (k, j, i) on the volume's grid, or a click or box that means something.
        names: at least one, all different; `texts.suggested_names` are those that SegVol was trained with.

    Raises:
        UsageError: no name was given.
        InputError: the prompt lies outside the scan or the body, or there is nothing where it points.
        CancelledError: nothing was changed.
    """
    if not names:
        raise UsageError("Give at least one name to choose from.")
    progress("names", 0, len(names))
    mask = opened.shrunk_mask(what) if isinstance(what, np.ndarray) else opened.shrunk_prediction(what, progress)
    places = _spread(mask)
    found = []
    for logits in opened.text_logits(names, _AT_ONCE):
        require_numbers(logits)
        found.append(logits.flatten(1)[:, places.to(logits.device)].float().cpu())
        progress("names", sum(map(len, found)), len(names))
    probabilities = torch.cat(found).softmax(dim=0).mean(dim=1)
    ranked = zip(names, probabilities.tolist(), strict=True)
    return sorted(ranked, key=lambda pair: -pair[1])


def _spread(mask: Mask) -> Tensor:
    """Up to `_MOST_VOXELS` places of a mask, counted in C order."""
    places = np.flatnonzero(mask)
    if len(places) == 0:
        raise InputError("There is nothing to name there. Click into the structure, or give its mask.")
    step = -(-len(places) // _MOST_VOXELS)
    return torch.from_numpy(places[::step])
