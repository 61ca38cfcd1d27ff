"""Where the training of a small SegVol starts: the decoder attends to the places that prompts name.

Prompts and image encode the same place differently (see `prompt_encoder._places`): along one axis, a prompt's share of
the image is the image's times a constant. A frequency for the prompts and that constant times it for the image then
tell the same, apart from a shift in phase.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from vistaseg.models.segvol.configuration import SegVolConfiguration
from vistaseg.models.segvol.network import SegVolNetwork

FREQUENCIES = (0.25, 0.5, 0.5, 1.0, 1.0, 2.0)
"""Of the place along each axis, in turns over half the image."""

COMPARED = (0.5, 1.0)
"""Those that the attention starts from; an attention head has room for sine and cosine of two along three axes."""

IMAGE_SHARPNESS, TOKEN_SHARPNESS = 1.8, 1.2
"""Weight of a sine in queries and keys: of prompts looking at the image, and of the image looking at prompts."""

DAMPING = 0.3
"""Of the random weights beside the places."""

IMAGE_AXES, PROMPT_AXES = (1, 0, 2), (0, 1, 2)
"""Coordinate of the encoding that d, h and w are in the image, and in prompts."""

Reading = list[tuple[int, int, float]]
"""Columns of image and prompt that tell the same place, and by how much the prompt's phase is ahead."""


@torch.no_grad()
def attend_by_place(network: SegVolNetwork) -> None:
    """Set the frequencies of places, the places in the image encoder, and the decoder's attention before training."""
    matrix = network.prompt_encoder.pe_layer.positional_encoding_gaussian_matrix
    reading = place_frequencies(matrix, network.configuration)
    decoder = network.mask_decoder.transformer
    for layer in decoder.layers:
        compare_places(layer.cross_attn_token_to_image, reading, IMAGE_SHARPNESS, asking_prompts=True)
        compare_places(layer.cross_attn_image_to_token, reading, TOKEN_SHARPNESS, asking_prompts=False)
    compare_places(decoder.final_attn_token_to_image, reading, IMAGE_SHARPNESS, asking_prompts=True)
    encoder = network.prompt_encoder
    for embedding in (*encoder.point_embeddings, encoder.not_a_point_embed, encoder.no_mask_embed):
        embedding.weight *= DAMPING
    network.image_encoder.norm.weight *= DAMPING
    network.image_encoder.patch_embedding.position_embeddings.copy_(DAMPING * encoder.image_positions())


def place_frequencies(matrix: Tensor, configuration: SegVolConfiguration) -> Reading:
    """Fill the first columns of the matrix (3, columns) with frequencies, and return those to compare."""
    matrix *= DAMPING
    depth, height, _ = configuration.image_size
    ratios = (depth / height, height / depth, 1.0)
    reading: Reading = []
    column = 0
    for frequency in FREQUENCIES:
        for axis, ratio in enumerate(ratios):
            of_image = column
            column = _set_column(matrix, column, IMAGE_AXES[axis], frequency)
            of_prompt = of_image
            if IMAGE_AXES[axis] != PROMPT_AXES[axis]:
                of_prompt = column
                column = _set_column(matrix, column, PROMPT_AXES[axis], frequency / ratio)
            if frequency in COMPARED:
                reading.append((of_image, of_prompt, 2 * math.pi * frequency * (1 - 1 / ratio)))
    return reading


def _set_column(matrix: Tensor, column: int, coordinate: int, frequency: float) -> int:
    """Let a column of the matrix tell one coordinate; returns the next column."""
    matrix[:, column] = 0
    matrix[coordinate, column] = frequency
    return column + 1


def compare_places(attention: nn.Module, reading: Reading, sharpness: float, asking_prompts: bool) -> None:
    """Let queries and keys of all heads but the last read the place: their product tells the distance."""
    width = attention.q_proj.out_features // attention.heads
    of_prompts, of_image = (
        (attention.q_proj, attention.k_proj) if asking_prompts else (attention.k_proj, attention.q_proj)
    )
    for projection in (of_prompts, of_image):
        projection.weight *= DAMPING
        projection.bias.zero_()
    cosines = of_image.in_features // 2
    for head in range(attention.heads - 1):
        # Each head reads other copies of the frequencies where there are any.
        for number, (image, prompt, ahead) in enumerate(reading[head % 2 :: 2][: width // 2]):
            row = head * width + 2 * number
            of_prompts.weight[row, prompt] = of_prompts.weight[row + 1, prompt + cosines] = sharpness
            of_image.weight[row, image] = of_image.weight[row + 1, image + cosines] = sharpness * math.cos(ahead)
            of_image.weight[row, image + cosines] = sharpness * math.sin(ahead)
            of_image.weight[row + 1, image] = -sharpness * math.sin(ahead)
