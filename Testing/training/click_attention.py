"""Where the training of clicks starts: the point head attends to what is near a click.

A head of 32 channels has four for each attention head. From random weights it does not find out within hours that
equal positions belong together; so it is told, and learns the rest.
"""

from __future__ import annotations

import torch
from monai.networks.nets.vista3d import PointMappingSAM
from torch import Tensor, nn

FREQUENCIES = (0.5, 0.5, 0.5, 1.0, 2.0)
"""Of the position along each axis, in turns over half a window. The first tell every place in a window from any other;
several alike stand out from the features that are added to them."""

NEAR = 0.5
AXES_OF_HEADS = ((0, 1), (1, 2), (2, 0))
"""Attention heads that compare the position along two axes each; the last one is left to find its own task."""

IMAGE_SHARPNESS, TOKEN_SHARPNESS = 6.0, 3.0
"""Attention logit of equal against orthogonal positions: of voxels for a click, and of clicks for a voxel."""

DAMPING = 0.3
"""Of the random weights beside the positions."""


@torch.no_grad()
def attend_by_place(head: PointMappingSAM) -> None:
    """Set the position frequencies and the attention of an untrained point head."""
    matrix = head.pe_layer.positional_encoding_gaussian_matrix
    columns = place_frequencies(matrix)
    for layer in head.transformer.layers:
        compare_places(layer.cross_attn_token_to_image, columns, IMAGE_SHARPNESS)
        compare_places(layer.cross_attn_image_to_token, columns, TOKEN_SHARPNESS)
    compare_places(head.transformer.final_attn_token_to_image, columns, IMAGE_SHARPNESS)
    tokens = (head.mask_tokens, head.supported_embed, head.zeroshot_embed, head.special_class_embed)
    for embedding in (*tokens, *head.point_embeddings):
        embedding.weight *= DAMPING


def place_frequencies(matrix: Tensor) -> list[list[int]]:
    """Fill the matrix (3, columns) of frequencies, and return the columns of the lowest one for each axis."""
    matrix.fill_(0.25)
    columns: list[list[int]] = [[], [], []]
    values = [(axis, frequency) for frequency in FREQUENCIES for axis in range(3)]
    for column, (axis, frequency) in enumerate(values[: matrix.shape[1]]):
        matrix[:, column] = 0
        matrix[axis, column] = frequency
        if frequency == NEAR:
            columns[axis].append(column)
    return columns


def compare_places(attention: nn.Module, columns: list[list[int]], sharpness: float) -> None:
    """Let queries and keys of some heads read sine and cosine of the position: their product tells the distance."""
    size = attention.internal_dim // attention.num_heads
    share = (sharpness * size**0.5) ** 0.5 / len(columns[0])
    cosines = attention.embedding_dim // 2
    for projection in (attention.q_proj, attention.k_proj):
        projection.weight *= DAMPING
        projection.bias.zero_()
        for number, axes in enumerate(AXES_OF_HEADS):
            read = [[c + offset for c in columns[axis]] for axis in axes for offset in (0, cosines)]
            for row, own in enumerate(read):
                projection.weight[number * size + row] *= DAMPING
                projection.weight[number * size + row, own] = share
