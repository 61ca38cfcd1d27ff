"""Attention of SegVol's mask decoder, between the few tokens of a prompt and the 2048 of the published image.

Most of the published decoder's work is to project every token of the image, for each prompt anew. As q · (W x) is
(Wᵀ q) · x, the few tokens of the prompt are taken through the projection backwards instead: the same numbers up to
rounding and, with the six tokens of a text, an eighth of the products.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn


class Attention(nn.Module):
    """Attention of several heads, as published; in fewer channels than its input has where `reduction` says so."""

    def __init__(self, width: int, heads: int, reduction: int = 1) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj = nn.Linear(width, width // reduction)
        self.k_proj = nn.Linear(width, width // reduction)
        self.v_proj = nn.Linear(width, width // reduction)
        self.out_proj = nn.Linear(width // reduction, width)
        self.scale = (width // reduction // heads) ** -0.5

    def forward(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """(N, Q, width), (N, K, width), (N, K, width) → (N, Q, width)."""
        q, k, v = self._split(self.q_proj(queries)), self._split(self.k_proj(keys)), self._split(self.v_proj(values))
        seen = F.scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2))
        answered: Tensor = self.out_proj(seen.transpose(1, 2).flatten(2))
        return answered

    def _split(self, channels: Tensor, dimension: int = -1) -> Tensor:
        """One dimension of channels as (heads, channels of a head)."""
        split: Tensor = channels.unflatten(dimension, (self.heads, -1))  # type: ignore[no-untyped-call]
        return split


class PromptToImageAttention(Attention):
    """Attention of a prompt's tokens to an image; an image that all prompts share comes once, as (1, …)."""

    def forward(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """(N, Q, width), (1 or N, K, width), (1 or N, K, width) → (N, Q, width).

        The bias of the keys adds the same to all scores of a query, which the softmax takes away again.
        """
        projected = torch.einsum(
            "nqhc,hcw->nhqw", self._split(self.q_proj(queries)), self._split(self.k_proj.weight, 0)
        )
        shape = (len(queries), 1, *keys.shape[1:])
        # To the attention, the questions of all heads are those of one: they look at the image itself.
        seen = F.scaled_dot_product_attention(
            projected.flatten(1, 2)[:, None],
            keys[:, None].expand(shape),
            values[:, None].expand(shape),
            scale=self.scale,
        )
        channels = torch.einsum("nhqw,hcw->nqhc", seen.view_as(projected), self._split(self.v_proj.weight, 0))
        answered: Tensor = self.out_proj(channels.flatten(2) + self.v_proj.bias)
        return answered


class ImageToPromptAttention(Attention):
    """Attention of an image to a prompt's tokens; an image that all prompts share comes once, as (1, …)."""

    def forward(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """(1 or N, Q, width), (N, K, width), (N, K, width) → (N, Q, width)."""
        k, v = self._split(self.k_proj(keys)), self._split(self.v_proj(values))
        projected = torch.einsum("nkhc,hcw->nhkw", k, self._split(self.q_proj.weight, 0)).flatten(1, 2)
        constant = torch.einsum("nkhc,hc->nhk", k, self._split(self.q_proj.bias)).flatten(1)
        scores = self._split(queries @ projected.mT + constant[:, None])
        shares = (scores * self.scale).softmax(dim=-1).flatten(2)
        mixed = torch.einsum("nkhc,whc->nhkw", v, self._split(self.out_proj.weight)).flatten(1, 2)
        return torch.baddbmm(self.out_proj.bias, shares, mixed)
