"""The transformer of SegVol's mask decoder: tokens of prompts and tokens of the image look at one another.

After the mask decoder of Segment Anything (Kirillov et al., 2023, arXiv 2304.02643, appendix A).
"""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from vistaseg.models.segvol.attention import Attention, ImageToPromptAttention, PromptToImageAttention
from vistaseg.models.segvol.configuration import SegVolConfiguration


class TwoLayerPerceptron(nn.Module):
    """Two linear layers."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.lin1 = nn.Linear(width, hidden)
        self.lin2 = nn.Linear(hidden, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """(…, width) → (…, width)."""
        answered: Tensor = self.lin2(F.relu(self.lin1(tokens)))
        return answered


class TwoWayLayer(nn.Module):
    """Prompts among themselves, prompts to image, prompts alone, image to prompts; a norm after each."""

    def __init__(self, configuration: SegVolConfiguration, first: bool) -> None:
        super().__init__()
        width, heads = configuration.width, configuration.decoder_heads
        self.first = first
        self.self_attn = Attention(width, heads)
        self.norm1 = nn.LayerNorm(width)
        self.cross_attn_token_to_image = PromptToImageAttention(width, heads, reduction=2)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = TwoLayerPerceptron(width, configuration.decoder_mlp)
        self.norm3 = nn.LayerNorm(width)
        self.norm4 = nn.LayerNorm(width)
        self.cross_attn_image_to_token = ImageToPromptAttention(width, heads, reduction=2)

    def forward(self, tokens: Tensor, image: Tensor, prompts: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """See `TwoWayTransformer.forward`; `tokens` and `image` are what the layer before made of them."""
        tokens = self.norm1(self._among_tokens(tokens, prompts))
        placed = image + positions
        tokens = self.norm2(tokens + self.cross_attn_token_to_image(tokens + prompts, placed, image))
        tokens = self.norm3(tokens + self.mlp(tokens))
        image = self.norm4(image + self.cross_attn_image_to_token(placed, tokens + prompts, tokens))
        return tokens, image

    def _among_tokens(self, tokens: Tensor, prompts: Tensor) -> Tensor:
        if self.first:
            # The tokens are still the prompts themselves: nothing to add them to.
            replaced: Tensor = self.self_attn(tokens, tokens, tokens)
            return replaced
        seen: Tensor = self.self_attn(tokens + prompts, tokens + prompts, tokens)
        return tokens + seen


class TwoWayTransformer(nn.Module):
    """Layers of attention in both directions, and a last look of the prompts at the image."""

    def __init__(self, configuration: SegVolConfiguration) -> None:
        super().__init__()
        width, heads = configuration.width, configuration.decoder_heads
        self.layers = nn.ModuleList(
            TwoWayLayer(configuration, first=i == 0) for i in range(configuration.decoder_depth)
        )
        self.final_attn_token_to_image = PromptToImageAttention(width, heads, reduction=2)
        self.norm_final_attn = nn.LayerNorm(width)

    def forward(self, image: Tensor, positions: Tensor, prompts: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens (N, T, width) of the prompts and (N, M, width) of the image, after they have seen each other.

        Args:
            image: (1, M, width), one image for all prompts.
            positions: (1, M, width), the encoding of the places of its tokens.
            prompts: (N, T, width).
        """
        tokens = prompts
        for layer in self.layers:
            tokens, image = layer(tokens, image, prompts, positions)
        seen = self.final_attn_token_to_image(tokens + prompts, image + positions, image)
        return self.norm_final_attn(tokens + seen), image
