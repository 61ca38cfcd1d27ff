"""Losses of the demo model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from torch import Tensor
from training_structures import UNIONS

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


@dataclass(frozen=True, eq=False)
class Group:
    """Classes of which the strongest one is asked whether it is above 0.

    Attributes:
        rows: of the logits.
        truth: bool (V,), whether a voxel is of one of them.
        known: bool (V,), whether that is known.
    """

    rows: Tensor
    truth: Tensor
    known: Tensor


def groups_of(labels: Tensor, class_ids: Tensor, annotated: Mapping[int, Tensor]) -> list[Group]:
    """What is asked about voxels: classes that look alike together, and unions of classes.

    Args:
        labels: (V,) classes and unions.
        class_ids: (C,) ascending, of the rows of the logits.
        annotated: class or union → bool (V,), where it was looked for.
    """
    row_of = {int(class_id): row for row, class_id in enumerate(class_ids)}
    asked = torch.tensor([i for i in row_of if i in annotated], dtype=torch.long)
    members = [asked[rows] for rows in grouped(asked)]
    found = [
        Group(
            torch.tensor([row_of[int(i)] for i in own]),
            torch.isin(labels, own),
            torch.stack([annotated[int(i)] for i in own]).all(0),
        )
        for own in members
    ]
    for union in UNIONS.keys() & annotated.keys():
        own = torch.tensor([i for i in UNIONS[union] if i in row_of])
        rows = torch.tensor([row_of[int(i)] for i in own])
        found.append(Group(rows, (labels == union) | torch.isin(labels, own), annotated[union]))
    return [group for group in found if len(group.rows) and group.known.any()]


def label_map_loss(logits: Tensor, labels: Tensor, class_ids: Tensor, annotated: Mapping[int, Tensor]) -> Tensor:
    """What a label map reads, learned in two halves: is the strongest class of a group above 0, and which class is it.

    A class that is hard to tell from its neighbours (a rib from the next) thereby still wins against the background.
    Where nobody looked for a structure, voxels without its label teach nothing about it.

    Args:
        logits: (C, V).
        labels: (V,) ids.
        class_ids: (C,) ascending.
        annotated: class or union → bool (V,), where it was looked for.
    """
    table = torch.full((256,), -1)
    table[class_ids] = torch.arange(len(class_ids))
    return group_loss(logits, groups_of(labels, class_ids, annotated)) + member_loss(logits, table[labels])


def group_loss(logits: Tensor, groups: list[Group]) -> Tensor:
    """Dice and cross-entropy of the strongest class of each group, where the truth is known."""
    if not groups:
        return logits.sum() * 0
    strongest = torch.stack([logits[group.rows].amax(0) for group in groups])
    known = torch.stack([group.known for group in groups]).float()
    truth = torch.stack([group.truth & group.known for group in groups]).float()
    there = truth.any(1)
    entropy = functional.binary_cross_entropy_with_logits(strongest, truth, known, reduction="none").sum(1)
    weight = torch.where(there, 1.0, ABSENT_WEIGHT)
    loss = (weight * entropy / known.sum(1)).sum() / weight.sum()
    if there.any():
        loss = loss + soft_dice(strongest[there].sigmoid() * known[there], truth[there]).mean()
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
