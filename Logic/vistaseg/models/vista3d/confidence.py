"""How sure the class branch is of each structure: from the logits that its mask is made of, a plane at a time."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class ConfidenceSums:
    """Sums of probabilities over the masks of some classes, and how many voxels they are of.

    Args:
        classes: how many.
    """

    def __init__(self, classes: int) -> None:
        self._sums = torch.zeros(1 + classes, dtype=torch.float64)
        self._counts = torch.zeros(1 + classes, dtype=torch.int64)

    def add(self, places: Tensor, probabilities: Tensor) -> None:
        """Take some voxels in.

        Args:
            places: of any shape, int64, for each voxel 1 + the index of the class in whose mask it is, or 0.
            probabilities: of that shape, 0…1, of being of that class; any number where there is none.
        """
        flat = places.flatten()
        self._sums += torch.bincount(flat, probabilities.flatten().double(), minlength=len(self._sums))
        self._counts += torch.bincount(flat, minlength=len(self._counts))

    def means(self, ids: Sequence[int]) -> dict[int, float]:
        """The mean probability over each mask that is not empty, by the ids of the classes in their order."""
        pairs = zip(ids, self._sums[1:].tolist(), self._counts[1:].tolist(), strict=True)
        return {class_id: total / count for class_id, total, count in pairs if count}


def probability_against(logits: Tensor, rivals: Tensor) -> Tensor:
    """Probability of a class where one of three is right: it, its strongest rival, or neither, whose logit is 0.

    e^a / (1 + e^a + e^b), the softmax over the three. Without a rival (−∞) it is the sigmoid.

    Args:
        logits, rivals: of one shape, of the class and of the strongest other one.
    """
    return 1 / (1 + torch.exp(-logits) + torch.exp(rivals - logits))
