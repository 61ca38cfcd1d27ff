"""SegVol's text encoder: CLIP's text tower, ViT-B/32 (Radford et al., 2021, arXiv 2103.00020), and a linear layer."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from vistaseg.models.segvol.configuration import SegVolConfiguration

VOCABULARY = 49408
MAXIMUM_TOKENS = 77
START_TOKEN, END_TOKEN = 49406, 49407


class TextEncoder(nn.Module):
    """Token ids of a text to a vector of the width of the other prompts."""

    def __init__(self, configuration: SegVolConfiguration) -> None:
        super().__init__()
        self.clip_text_model = nn.ModuleDict({"text_model": TextTower(configuration)})
        self.dim_align = nn.Linear(configuration.text_width, configuration.width)

    def forward(self, token_ids: Tensor) -> Tensor:
        """int64 (N, up to 77), each row from the start token to the end token and beyond → (N, width)."""
        aligned: Tensor = self.dim_align(self.clip_text_model["text_model"](token_ids))
        return aligned


class TextTower(nn.Module):
    """CLIP's transformer, in which a token sees only those before it."""

    def __init__(self, configuration: SegVolConfiguration) -> None:
        super().__init__()
        self.embeddings = Embeddings(configuration.text_width)
        layers = (TextLayer(configuration) for _ in range(configuration.text_depth))
        self.encoder = nn.ModuleDict({"layers": nn.ModuleList(layers)})
        self.final_layer_norm = nn.LayerNorm(configuration.text_width)

    def forward(self, token_ids: Tensor) -> Tensor:
        """int64 (N, up to 77) → the state (N, text_width) of the first end token of each row."""
        ends = (token_ids == END_TOKEN).long().argmax(dim=1)
        # No end token sees what comes after it, so what comes after the last of them need not be computed.
        states = self.embeddings(token_ids[:, : int(ends.max()) + 1])
        for layer in self.encoder["layers"].children():
            states = layer(states)
        pooled: Tensor = self.final_layer_norm(states[torch.arange(len(ends), device=ends.device), ends])
        return pooled


class Embeddings(nn.Module):
    """What a token is, and where it stands."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(VOCABULARY, width)
        self.position_embedding = nn.Embedding(MAXIMUM_TOKENS, width)

    def forward(self, token_ids: Tensor) -> Tensor:
        """int64 (N, T) → (N, T, width)."""
        embedded: Tensor = self.token_embedding(token_ids) + self.position_embedding.weight[: token_ids.shape[1]]
        return embedded


class TextLayer(nn.Module):
    """Attention and perceptron, each after a norm and added to what it was given."""

    def __init__(self, configuration: SegVolConfiguration) -> None:
        super().__init__()
        width = configuration.text_width
        self.layer_norm1 = nn.LayerNorm(width)
        self.self_attn = CausalAttention(width, configuration.text_heads)
        self.layer_norm2 = nn.LayerNorm(width)
        self.mlp = QuickGeluPerceptron(width, configuration.text_mlp)

    def forward(self, states: Tensor) -> Tensor:
        """(N, T, width) → (N, T, width)."""
        states = states + self.self_attn(self.layer_norm1(states))
        answered: Tensor = states + self.mlp(self.layer_norm2(states))
        return answered


class CausalAttention(nn.Module):
    """Attention of several heads to what stands before."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj = nn.Linear(width, width)
        self.k_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, width)

    def forward(self, states: Tensor) -> Tensor:
        """(N, T, width) → (N, T, width)."""
        queries, keys, values = (
            projection(states).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for projection in (self.q_proj, self.k_proj, self.v_proj)
        )
        seen = F.scaled_dot_product_attention(queries, keys, values, is_causal=True)
        answered: Tensor = self.out_proj(seen.transpose(1, 2).flatten(2))
        return answered


class QuickGeluPerceptron(nn.Module):
    """Two linear layers with CLIP's approximation of the Gaussian error unit, x · sigmoid(1.702 x), between them."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, states: Tensor) -> Tensor:
        """(…, width) → (…, width)."""
        hidden = self.fc1(states)
        answered: Tensor = self.fc2(hidden * torch.sigmoid(1.702 * hidden))
        return answered
