"""Losses of the demo model."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor

OWN_WEIGHT = 0.2
"""Of the reading of each class on its own, beside that of classes in competition."""

GROUPS: dict[int, tuple[int, ...]] = {
    # Embedding rows that no published class uses → classes that look alike. The network tells the groups apart long
    # before their members; asking for both spares it the detour over "nothing is there".
    400: (28, 29, 30, 31, 32),
    401: (5, 14),
    402: (*range(33, 57), 127, 97),
    403: (*range(63, 87), 114, 122),
    404: (*range(87, 97),),
    405: (*range(98, 108),),
    406: (6, 58, 59, 108, 109, 112, 113, 115, 123, 124),
    407: (7, 17, 60, 61, 110, 111, 119, 125),
    408: (11, 12, 13, 19, 62),
    409: (1, 3, 4, 8, 9, 10),
}


def soft_dice(probability: Tensor, target: Tensor) -> Tensor:
    """1 - Dice of each row; both (C, V). Milletari et al., V-Net, 2016, with a smoothing of one voxel."""
    overlap = (probability * target).sum(1)
    return 1 - (2 * overlap + 1) / (probability.sum(1) + target.sum(1) + 1)


def competing_loss(logits: Tensor, labels: Tensor, class_ids: Tensor) -> Tensor:
    """Classes against each other and against a background of logit 0, as a label map reads them.

    Args:
        logits: (C, V).
        labels: (V,) class ids; ids that are not asked for count as background.
        class_ids: (C,) ascending.
    """
    table = torch.zeros(256, dtype=torch.long)
    table[class_ids] = torch.arange(1, len(class_ids) + 1)
    target = table[labels]
    chances = functional.log_softmax(torch.cat([torch.zeros_like(logits[:1]), logits]), dim=0)
    loss = functional.nll_loss(chances.T, target)
    present = torch.unique(target)
    present = present[present > 0]
    if not len(present):
        return loss
    truth = (target[None] == present[:, None]).float()
    own = functional.binary_cross_entropy_with_logits(logits[present - 1], truth)
    return loss + soft_dice(chances[present].exp(), truth).mean() + OWN_WEIGHT * own


def group_targets(labels: Tensor, groups: list[int]) -> Tensor:
    """(G, V) masks of the groups' members."""
    table = torch.zeros(len(groups), 256)
    for row, group in enumerate(groups):
        table[row, list(GROUPS[group])] = 1
    return table[:, labels]


def mask_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Dice and cross-entropy of masks, both (B, V)."""
    return soft_dice(logits.sigmoid(), target).mean() + functional.binary_cross_entropy_with_logits(logits, target)
