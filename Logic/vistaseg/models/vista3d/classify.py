"""From features to classes: a matrix product, plane by plane; no (classes × volume) array ever exists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from monai.networks.nets.vista3d import VISTA3D
from torch import Tensor

from vistaseg.geometry.box import Index
from vistaseg.models.vista3d.confidence import ConfidenceSums, probability_against
from vistaseg.models.vista3d.features import Slab

MOST_OVERLAYS = 8
"""Masks that fit in the bits of one byte."""


@dataclass(frozen=True)
class ClassQuestion:
    """Which classes are requested, and how they are answered.

    Attributes:
        competing: ids that exclude one another: each voxel takes the one with the largest logit above 0.
        overlays: ids answered each on its own, logit > 0, because they overlap organs; at most `MOST_OVERLAYS`.
    """

    competing: tuple[int, ...]
    overlays: tuple[int, ...] = ()

    @property
    def ids(self) -> tuple[int, ...]:
        """Every id, competing ones first."""
        return self.competing + self.overlays


class ClassMaps:
    """Answers on the network's grid, filled slab by slab.

    Attributes:
        labels: (x, y, z) uint8, the class id of each voxel or 0.
        overlays: (x, y, z) uint8, bit n set where the n-th overlay class is; None without overlays.
    """

    def __init__(self, size: Index, question: ClassQuestion) -> None:
        self.question = question
        self.labels = np.zeros(size, dtype=np.uint8)
        self.overlays = np.zeros(size, dtype=np.uint8) if question.overlays else None
        self._sums = ConfidenceSums(len(question.ids))

    @property
    def confidences(self) -> dict[int, float]:
        """How sure the model is of each class that has a voxel, 0…1, by id.

        The mean over its voxels of `probability_against` the strongest of the classes that it competes with.
        """
        return self._sums.means(self.question.ids)

    def fill(self, slab: Slab, vectors: Tensor) -> None:
        """Answer for the planes of a slab; `vectors` (ids, channels) are the embeddings of `question.ids`."""
        box, features = slab.box, slab.features
        labels = np.moveaxis(self.labels[box.slices], slab.axis, 0)
        overlays = None if self.overlays is None else np.moveaxis(self.overlays[box.slices], slab.axis, 0)
        ids = torch.tensor((0, *self.question.competing), dtype=torch.uint8)
        count = len(self.question.competing)
        for plane in range(features.shape[1]):
            logits = plane_logits(vectors, features[:, plane])
            if count:
                labels[plane] = ids[self._compete(logits[..., :count])].numpy()
            if overlays is not None:
                overlays[plane] = self._overlay(logits[..., count:]).numpy()

    def overlay(self, class_id: int) -> np.ndarray:
        """(x, y, z) bool mask of one overlay class."""
        if self.overlays is None:
            raise KeyError(class_id)
        return (self.overlays >> self.question.overlays.index(class_id)) & 1 > 0

    def _compete(self, logits: Tensor) -> Tensor:
        index, highest, second = two_highest(logits)
        # MONAI's `VistaPostTransformd`: the largest logit above 0, else nothing.
        places = (index + 1) * (highest > 0)
        self._sums.add(places, probability_against(highest, second))
        return places

    def _overlay(self, logits: Tensor) -> Tensor:
        first = 1 + len(self.question.competing)
        numbers = torch.arange(first, first + logits.shape[-1])
        self._sums.add(numbers * (logits > 0), torch.sigmoid(logits))
        return pack_bits(logits)


def class_vectors(network: VISTA3D, class_ids: Sequence[int]) -> Tensor:
    """Embeddings (ids, channels) of the classes, float32, as the class head maps them."""
    head = network.class_head
    with torch.inference_mode():
        rows = head.class_embeddings(torch.tensor(class_ids, device=head.class_embeddings.weight.device)[:, None])
        mapped: Tensor = head.mlp(rows) if head.use_mlp else rows
    return mapped[:, 0].float().cpu()


def plane_logits(vectors: Tensor, features: Tensor) -> Tensor:
    """(a, b, ids) logits of one plane of features (channels, a, b), in float32."""
    return features.movedim(0, -1).to(vectors) @ vectors.T


def two_highest(logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Index of the largest logit, that logit, and the second largest, −∞ where there is one class; (a, b) each.

    Args:
        logits: (a, b, classes); spent, because `topk`, which spares them, takes five times as long.
    """
    highest, index = logits.max(dim=-1)
    second = logits.scatter_(-1, index[..., None], -torch.inf).amax(dim=-1)
    return index, highest, second


def pack_bits(logits: Tensor) -> Tensor:
    """(a, b) uint8 with bit n set where logit n of (a, b, n) is above 0."""
    return ((logits > 0) << torch.arange(logits.shape[-1])).sum(-1).to(torch.uint8)
