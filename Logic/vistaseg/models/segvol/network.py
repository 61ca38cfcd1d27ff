"""The SegVol network: an image is embedded once, a text once, and each question costs the decoder alone."""

from __future__ import annotations

import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from vistaseg.models.segvol.configuration import SegVolConfiguration
from vistaseg.models.segvol.image_encoder import build_image_encoder
from vistaseg.models.segvol.mask_decoder import MaskDecoder
from vistaseg.models.segvol.prompt_encoder import PromptBatch, PromptEncoder
from vistaseg.models.segvol.text_encoder import TextEncoder


class SegVolNetwork(nn.Module):
    """Image encoder, text encoder, prompt encoder and mask decoder, under the tensor names of the published weights."""

    def __init__(self, configuration: SegVolConfiguration) -> None:
        super().__init__()
        self.configuration = configuration
        self.image_encoder = build_image_encoder(configuration)
        self.prompt_encoder = PromptEncoder(configuration)
        self.mask_decoder = MaskDecoder(configuration)
        self.text_encoder = TextEncoder(configuration)

    def embed(self, image: Tensor) -> Tensor:
        """Embedding (1, width, d, h, w) of an image, with one place for each patch.

        Args:
            image: float (1, 1, D, H, W) of the configured size, intensities of 0 … 1.
        """
        tokens, _ = self.image_encoder(image)
        embedding: Tensor = tokens.transpose(1, 2).unflatten(2, self.configuration.grid)
        return embedding

    def embed_texts(self, token_ids: Tensor) -> Tensor:
        """Embeddings (N, width) of texts, from the ids (N, 77) of `tokenizer.token_ids`."""
        embedded: Tensor = self.text_encoder(token_ids)
        return embedded

    def decode(self, embedding: Tensor, prompts: PromptBatch) -> Tensor:
        """Logits (N, D, H, W) of N objects in one image; above 0 is the object.

        To be called without autocast: the places of prompts need float32.

        Args:
            embedding: (1, width, d, h, w), of `embed`.
        """
        image = embedding.flatten(2).transpose(1, 2) + self.prompt_encoder.no_mask_embed.weight
        tokens = self.prompt_encoder(prompts)
        logits = self.mask_decoder(image, self.prompt_encoder.image_positions(), tokens, prompts.texts)
        size = self.configuration.image_size
        return F.interpolate(logits[:, None], size, mode="trilinear", align_corners=False)[:, 0]


def build_network(configuration: SegVolConfiguration) -> SegVolNetwork:
    """An untrained network of the given sizes, in evaluation mode.

    With the default configuration it has the 474 tensors of the published weights, 180,891,216 values.
    """
    return SegVolNetwork(configuration).eval()
