"""SegVol's mask decoder: from the embedding of an image and tokens of prompts to logits at low resolution."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from vistaseg.models.segvol.configuration import SegVolConfiguration
from vistaseg.models.segvol.two_way_transformer import TwoWayTransformer

MASKS = 4
"""Masks that the decoder has tokens for; only the first, that of an unambiguous prompt, was trained and is used."""

_QUALITY_WIDTH = 256


class ThreeLayerPerceptron(nn.Module):
    """Three linear layers with rectifiers between them."""

    def __init__(self, width: int, hidden: int, output: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(width, hidden), nn.Linear(hidden, hidden), nn.Linear(hidden, output)])

    def forward(self, tokens: Tensor) -> Tensor:
        """(…, width) → (…, output)."""
        first, second, last = self.layers
        answered: Tensor = last(F.relu(second(F.relu(first(tokens)))))
        return answered


class MaskDecoder(nn.Module):
    """Two-way transformer, upscaling by 4, and a product with what the mask's token and the text ask for."""

    def __init__(self, configuration: SegVolConfiguration) -> None:
        super().__init__()
        width, (d, h, w) = configuration.width, configuration.grid
        self.grid = configuration.grid
        self.transformer = TwoWayTransformer(configuration)
        self.iou_token = nn.Embedding(1, width)
        self.mask_tokens = nn.Embedding(MASKS, width)
        self.output_upscaling = nn.Sequential(
            nn.ConvTranspose3d(width, width // 4, kernel_size=2, stride=2),
            nn.LayerNorm((width // 4, 2 * d, 2 * h, 2 * w)),
            nn.GELU(),
            nn.ConvTranspose3d(width // 4, width // 8, kernel_size=2, stride=2),
            nn.GELU(),
        )
        self.output_hypernetworks_mlps = nn.ModuleList(
            ThreeLayerPerceptron(width, width, width // 8) for _ in range(MASKS)
        )
        # In the published file, but never trained, so that the quality of a mask is not reported.
        self.iou_prediction_head = ThreeLayerPerceptron(width, _QUALITY_WIDTH, MASKS)
        self.txt_align_upscaled_embedding = nn.Linear(width, width // 8)

    def forward(self, image: Tensor, positions: Tensor, prompts: Tensor, texts: Tensor | None) -> Tensor:
        """Logits (N, 4 d, 4 h, 4 w) of N prompts, for an image of d × h × w tokens.

        Args:
            image: (1, d · h · w, width), one image for all prompts.
            positions: (1, d · h · w, width), the encoding of the places of its tokens.
            prompts: tokens (N, T, width).
            texts: (N, width), or None where the prompts have no text.
        """
        own = torch.cat([self.iou_token.weight, self.mask_tokens.weight]).expand(len(prompts), -1, -1)
        tokens, images = self.transformer(image, positions, torch.cat([own, prompts], dim=1))
        kernels = self.output_hypernetworks_mlps[0](tokens[:, 1])
        if texts is not None:
            # The similarity of text and image is added to the mask; both are products with the same features.
            kernels = kernels + self.txt_align_upscaled_embedding(texts)
        # One by one: of all prompts at once, the upscaled features would be 50 MB a prompt in the published size.
        return torch.stack([self._logits(one, kernel) for one, kernel in zip(images, kernels, strict=True)])

    def _logits(self, image: Tensor, kernel: Tensor) -> Tensor:
        """(4 d, 4 h, 4 w) of the image's tokens (d · h · w, width) as one prompt has left them."""
        first, norm, activation, second, _ = self.output_upscaling
        doubled = tuple(2 * n for n in self.grid)
        features = activation(norm(_in_space(_eight_of_each(image, first), self.grid)))
        # The product comes before the order in space, since it leaves one channel to be put in order.
        products = kernel @ activation(_eight_of_each(features.flatten(1).T, second))
        return _in_space(products[:, None], doubled)[0]


def _eight_of_each(tokens: Tensor, convolution: nn.Module) -> Tensor:
    """(M, channels, 8) of tokens (M, inputs): a transposed convolution that takes steps as large as its kernel, 2³.

    It is a matrix product, and faster as one: of no result two tokens have a part.
    """
    weight, bias = convolution.parameters()
    products = torch.addmm(bias.repeat_interleave(8), tokens, weight.flatten(1))
    return products.view(len(tokens), -1, 8)


def _in_space(eights: Tensor, grid: tuple[int, ...]) -> Tensor:
    """(d · h · w, channels, 8) of a grid (d, h, w) → (channels, 2 d, 2 h, 2 w)."""
    d, h, w = grid
    ordered = eights.view(d, h, w, -1, 2, 2, 2).permute(3, 0, 4, 1, 5, 2, 6)
    return ordered.reshape(-1, 2 * d, 2 * h, 2 * w)
