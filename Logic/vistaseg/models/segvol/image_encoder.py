"""SegVol's image encoder: MONAI's vision transformer, with attention that keeps no matrix of all pairs of tokens."""

from __future__ import annotations

from monai.networks.nets.vit import ViT
from torch import nn

from vistaseg.models.segvol.configuration import SegVolConfiguration


def build_image_encoder(configuration: SegVolConfiguration) -> nn.Module:
    """An untrained encoder, (N, 1, D, H, W) → (N, tokens, width) and the states of its layers.

    Tokens run along w first, then h, then d. The tensors are those of the published weights: the norm of a
    cross-attention that every block of MONAI has and none uses is left out.
    """
    encoder = ViT(
        in_channels=1,
        img_size=configuration.image_size,
        patch_size=configuration.patch_size,
        hidden_size=configuration.width,
        mlp_dim=configuration.mlp,
        num_layers=configuration.depth,
        num_heads=configuration.heads,
        proj_type="perceptron",
    )
    for block in encoder.blocks:
        # `ViT` does not hand this option on to its blocks.
        block.attn.use_flash_attention = True
        block.norm_cross_attn = block.cross_attn = nn.Identity()
    built: nn.Module = encoder
    return built
