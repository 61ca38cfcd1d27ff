"""SegVol's prompt encoder: points, boxes and texts become tokens of the mask decoder."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vistaseg.models.segvol.configuration import SegVolConfiguration, Size3

PADDING, NEGATIVE, POSITIVE = -1, 0, 1
"""Labels of points."""

_MASK_CHANNELS = 16


@dataclass(frozen=True, eq=False)
class PromptBatch:
    """Prompts of N objects in one window; each object has every kind that is given, and at least one kind is.

    The weights were trained with a point, a box or a text, with a text beside a point or a box, and with a box beside a
    point; never with all three.

    Attributes:
        points: float (N, P, 3), (d, h, w) voxel indices of the window.
        labels: (N, P), 1 positive, 0 negative, -1 a row of padding.
        boxes: float (N, 6), voxel indices d, h, w of the first corner, then of the last; both belong to the box.
        texts: float (N, width), of `SegVolNetwork.embed_texts`.
    """

    points: Tensor | None = None
    labels: Tensor | None = None
    boxes: Tensor | None = None
    texts: Tensor | None = None

    def __post_init__(self) -> None:
        if (self.points is None) != (self.labels is None):
            raise ValueError("points need labels, and labels points")


class PositionEncoding(nn.Module):
    """Random Fourier features of places (Tancik et al., 2020, arXiv 2006.10739): [sin, cos](2π (2x - 1) B)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        # B is random, but the weights were trained with one B: it comes from the checkpoint.
        self.register_buffer("positional_encoding_gaussian_matrix", torch.randn(3, width // 2))
        self.positional_encoding_gaussian_matrix: Tensor

    def forward(self, places: Tensor) -> Tensor:
        """(…, 3) shares of the image, 0 … 1 → (…, width)."""
        phases = 2 * math.pi * ((2 * places - 1) @ self.positional_encoding_gaussian_matrix)
        return torch.cat([phases.sin(), phases.cos()], dim=-1)


class PromptEncoder(nn.Module):
    """Tokens of prompts, and the encoding of the places of the image's own tokens."""

    def __init__(self, configuration: SegVolConfiguration) -> None:
        super().__init__()
        width = configuration.width
        self.image_size, self.grid = configuration.image_size, configuration.grid
        self.pe_layer = PositionEncoding(width)
        # Of a negative point, a positive point, the first and the last corner of a box.
        self.point_embeddings = nn.ModuleList(nn.Embedding(1, width) for _ in range(4))
        self.not_a_point_embed = nn.Embedding(1, width)
        self.no_mask_embed = nn.Embedding(1, width)
        self.mask_downscaling = _mask_downscaling(width)

    def forward(self, prompts: PromptBatch) -> Tensor:
        """Tokens (N, T, width): points, the corners of the box, the text."""
        tokens = []
        if prompts.points is not None and prompts.labels is not None:
            tokens.append(self._points(prompts.points, prompts.labels))
            if prompts.boxes is None:
                tokens.append(self.not_a_point_embed.weight.expand(len(prompts.points), 1, -1))
        if prompts.boxes is not None:
            tokens.append(self._boxes(prompts.boxes))
        if prompts.texts is not None:
            tokens.append(prompts.texts[:, None])
        return torch.cat(tokens, dim=1)

    def image_positions(self) -> Tensor:
        """(1, tokens, width): the encoding of the centres of the image's tokens, w running fastest.

        The axes are encoded in the order (h, d, w): see `_places`.
        """
        device = self.no_mask_embed.weight.device
        d, h, w = ((torch.arange(n, device=device) + 0.5) / n for n in self.grid)
        centres = torch.stack(torch.meshgrid(d, h, w, indexing="ij"), dim=-1)
        encoded: Tensor = self.pe_layer(centres[..., [1, 0, 2]])
        return encoded.flatten(0, 2)[None]

    def _points(self, points: Tensor, labels: Tensor) -> Tensor:
        kinds = torch.cat([self.not_a_point_embed.weight, *self.point_embeddings[:2].parameters()])
        encoded = self.pe_layer(_places(points, self.image_size))
        return torch.where(labels[..., None] == PADDING, 0, encoded) + kinds[labels.long() - PADDING]

    def _boxes(self, boxes: Tensor) -> Tensor:
        corners: Tensor = self.pe_layer(_places(boxes.reshape(-1, 2, 3), self.image_size))
        return corners + torch.cat(list(self.point_embeddings[2:].parameters()))


def _places(voxels: Tensor, image_size: Size3) -> Tensor:
    """Voxel indices (…, 3) in the order (d, h, w) as the shares of the image that the weights were trained with.

    An odd place of the published code, which the weights know no other way: it was written for images (h, w), where x
    comes first, so that it divides the first coordinate by the second size and the second by the first. Here d is
    divided by H and h by D, whereas the image's own tokens are encoded as true shares, in the order (h, d, w).
    """
    depth, height, width = image_size
    # Indices count from the centres of voxels, shares from the image's edge.
    return (voxels + 0.5) / torch.tensor([height, depth, width], device=voxels.device)


def _mask_downscaling(width: int) -> nn.Sequential:
    """Layers for a mask as a prompt: in the published file, but never trained and not used."""
    return nn.Sequential(
        nn.Conv2d(1, _MASK_CHANNELS // 4, kernel_size=2, stride=2),
        nn.GroupNorm(1, _MASK_CHANNELS // 4),
        nn.GELU(),
        nn.Conv2d(_MASK_CHANNELS // 4, _MASK_CHANNELS, kernel_size=2, stride=2),
        nn.GroupNorm(1, _MASK_CHANNELS),
        nn.GELU(),
        nn.Conv2d(_MASK_CHANNELS, width, kernel_size=1),
    )
