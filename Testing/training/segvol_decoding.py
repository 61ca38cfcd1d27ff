"""SegVol's decoder for training: all prompts upscaled at once, and compared where the decoder answers.

The network itself upscales one prompt after the other, to keep its memory small, and interpolates each to full size.
"""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor

from vistaseg.models.segvol.network import SegVolNetwork
from vistaseg.models.segvol.prompt_encoder import PromptBatch


def coarse_logits(network: SegVolNetwork, embedding: Tensor, prompts: PromptBatch) -> Tensor:
    """What `network.decode` interpolates: logits (N, 4 d, 4 h, 4 w) for an embedding (1, width, d, h, w)."""
    encoder, decoder = network.prompt_encoder, network.mask_decoder
    image = embedding.flatten(2).transpose(1, 2) + encoder.no_mask_embed.weight
    asked = encoder(prompts)
    own = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight]).expand(len(asked), -1, -1)
    tokens, images = decoder.transformer(image, encoder.image_positions(), torch.cat([own, asked], dim=1))
    kernels = decoder.output_hypernetworks_mlps[0](tokens[:, 1])
    if prompts.texts is not None:
        kernels = kernels + decoder.txt_align_upscaled_embedding(prompts.texts)
    features = decoder.output_upscaling(images.transpose(1, 2).unflatten(2, decoder.grid))
    return torch.einsum("nc,ncdhw->ndhw", kernels, features)


def coarse_masks(masks: Tensor, logits: Tensor) -> Tensor:
    """The share of each voxel of `logits` that masks (N, D, H, W) cover."""
    return functional.adaptive_avg_pool3d(masks.float(), logits.shape[1:])
