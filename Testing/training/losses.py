"""Losses of the demo model."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor

ABSENT_WEIGHT = 0.5
"""Of groups that are not in the patch, beside those that are."""

LOOK_ALIKE: tuple[tuple[int, ...], ...] = (
    # Classes that a small network tells from everything else long before it tells them from each other.
    (28, 29, 30, 31, 32),
    (5, 14),
    (8, 9),
    (*range(33, 57), 127, 97),
    (*range(63, 87), 114, 122),
    (*range(87, 97),),
    (*range(98, 108),),
    (115, 108),
    (58, 59, 109, 112, 113, 123, 124),
    (17, 60, 61, 110, 111, 119, 125),
    (13, 19, 62),
)


def grouped(class_ids: Tensor) -> list[Tensor]:
    """Rows of `class_ids` that form a group: those that look alike where all of them were asked for, else alone."""
    rows = {int(class_id): row for row, class_id in enumerate(class_ids)}
    groups = [[rows[i] for i in ids if i in rows] for ids in LOOK_ALIKE if sum(i in rows for i in ids) > 1]
    taken = {row for group in groups for row in group}
    groups += [[row] for row in rows.values() if row not in taken]
    return [torch.tensor(group) for group in groups]


def soft_dice(probability: Tensor, target: Tensor) -> Tensor:
    """1 - Dice of each row; both (C, V). Milletari et al., V-Net, 2016, with a smoothing of one voxel."""
    overlap = (probability * target).sum(1)
    return 1 - (2 * overlap + 1) / (probability.sum(1) + target.sum(1) + 1)


def label_map_loss(logits: Tensor, labels: Tensor, class_ids: Tensor) -> Tensor:
    """What a label map reads, learned in two halves: is the strongest class of a group above 0, and which class is it.

    A class that is hard to tell from its neighbours (a rib from the next) thereby still wins against the background.

    Args:
        logits: (C, V).
        labels: (V,) class ids; ids that are not asked for count as background.
        class_ids: (C,) ascending.
    """
    table = torch.full((256,), -1)
    table[class_ids] = torch.arange(len(class_ids))
    return group_loss(logits, table[labels], grouped(class_ids)) + member_loss(logits, table[labels])


def group_loss(logits: Tensor, target: Tensor, groups: list[Tensor]) -> Tensor:
    """Dice and cross-entropy of the strongest class of each group; `target` (V,) rows of logits, -1 background."""
    strongest = torch.stack([logits[rows].amax(0) for rows in groups])
    truth = torch.stack([torch.isin(target, rows) for rows in groups])
    there = truth.any(1)
    entropy = functional.binary_cross_entropy_with_logits(strongest, truth.float(), reduction="none").mean(1)
    weight = torch.where(there, 1.0, ABSENT_WEIGHT)
    loss = (weight * entropy).sum() / weight.sum()
    if there.any():
        loss = loss + soft_dice(strongest[there].sigmoid(), truth[there].float()).mean()
    return loss


def member_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy of the classes in labelled voxels, each class that is there counting alike."""
    labelled = target >= 0
    if not labelled.any():
        return logits.sum() * 0
    own, counts = target[labelled], torch.bincount(target[labelled], minlength=len(logits)).float()
    weight = counts.clamp(min=1).rsqrt()[own]
    entropy = functional.cross_entropy(logits[:, labelled].T, own, reduction="none")
    return (weight * entropy).sum() / weight.sum()


def mask_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Dice and cross-entropy of masks, both (B, V)."""
    return soft_dice(logits.sigmoid(), target).mean() + functional.binary_cross_entropy_with_logits(logits, target)
