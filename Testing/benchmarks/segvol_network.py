"""SegVol's network at full size with random weights: the embedding of one window, and what texts cost after it."""

from __future__ import annotations

import copy
from typing import Any

import torch
from timing import in_turns, ratio, spread
from torch import nn

from vistaseg.models.segvol.configuration import SegVolConfiguration
from vistaseg.models.segvol.network import SegVolNetwork, build_network
from vistaseg.models.segvol.prompt_encoder import PromptBatch
from vistaseg.models.segvol.tokenizer import token_ids

CONFIGURATION = SegVolConfiguration()
ORGANS = (
    "liver",
    "spleen",
    "pancreas",
    "stomach",
    "gallbladder",
    "left kidney",
    "right kidney",
    "aorta",
    "esophagus",
    "portal vein and splenic vein",
)


def published_encoder(network: SegVolNetwork) -> nn.Module:
    """The same image encoder with the attention of the published code."""
    encoder = copy.deepcopy(network.image_encoder)
    for block in encoder.blocks:
        block.attn.use_flash_attention = False
    return encoder


@torch.inference_mode()
def measure() -> dict[str, Any]:
    """`segvol_second_prompt_vs_first`, `segvol_sdpa_vs_published`, `segvol_ten_texts_vs_one`."""
    torch.manual_seed(1)
    network = build_network(CONFIGURATION).requires_grad_(False)
    published = published_encoder(network)
    image = torch.rand(1, 1, *CONFIGURATION.image_size)
    known = network.embed(image)
    ids = torch.stack([token_ids(organ) for organ in ORGANS])

    def ask(embedding: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        return network.decode(embedding, PromptBatch(texts=network.embed_texts(rows)))

    seconds = in_turns(
        {
            "published": lambda: published(image),
            "sdpa": lambda: network.embed(image),
            "one text": lambda: ask(network.embed(image), ids[:1]),
            "ten texts": lambda: ask(network.embed(image), ids),
            "second text": lambda: ask(known, ids[1:2]),
            "ten more texts": lambda: ask(known, ids),
        }
    )
    return {
        "segvol_second_prompt_vs_first": ratio(seconds["second text"], seconds["one text"]),
        "segvol_sdpa_vs_published": ratio(seconds["sdpa"], seconds["published"]),
        "segvol_ten_texts_vs_one": ratio(seconds["ten texts"], seconds["one text"]),
        "segvol_ten_more_texts_vs_one_more": ratio(seconds["ten more texts"], seconds["second text"]),
        "segvol_embedding_seconds": spread(seconds["sdpa"]),
        "segvol_one_text_seconds": spread(seconds["second text"]),
    }
