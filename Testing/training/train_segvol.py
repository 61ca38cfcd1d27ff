"""Train the small SegVol: for trying the software out and for its tests, not for reading scans.

    python Testing/training/train_segvol.py --output RUN [--cache CACHE] [--start Resources/segvol-demo]

It learns on generated torsos, and on the CTs of a cache of `case_cache.py`. A run can be stopped at any time and goes
on where it stood when the same command is given again.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "Logic"), str(Path(__file__).resolve().parent)]

from augmentation import chance  # noqa: E402
from case_cache import read_cache  # noqa: E402
from losses import mask_loss  # noqa: E402
from resumable import ResumableRun, add_run_arguments  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from segvol_attention import attend_by_place  # noqa: E402
from segvol_decoding import coarse_logits, coarse_masks  # noqa: E402
from segvol_prompts import TEXT, prompts_for, random_kinds, random_questions  # noqa: E402
from segvol_scans import random_scan  # noqa: E402
from segvol_views import NAMES, Scene, View, random_view, scene_of  # noqa: E402
from torsos import random_torso  # noqa: E402

from vistaseg.models.segvol.configuration import SegVolConfiguration  # noqa: E402
from vistaseg.models.segvol.network import SegVolNetwork, build_network  # noqa: E402
from vistaseg.models.segvol.tokenizer import token_ids  # noqa: E402

CONFIGURATION = SegVolConfiguration(
    name="Small SegVol",
    image_size=(16, 64, 64),
    patch_size=(4, 8, 8),
    width=96,
    depth=4,
    heads=4,
    mlp=384,
    decoder_heads=4,
    decoder_mlp=192,
    text_width=24,
    text_depth=1,
    text_heads=4,
    text_mlp=96,
    # It has seen boxes on generated torsos alone: on a CT of a patient, a box is not sent to it unasked.
    trained_with_boxes=False,
    notice="Small SegVol for tests: for trying the software out, not for reading scans.",
)
BATCH = 4
KINDS = 2
"""Combinations of prompts that each view is asked about with."""
SCENES = 96
"""Kept at once."""
CT_SHARE = 0.75
"""Of the scenes, where there is a cache of CTs."""
SOURCES = {"labelled": 0.5, "openkbp": 0.2, "chests": 0.15, "sts": 0.15}
"""Share of the CTs from each collection."""
STEPS_OF_A_SCENE = 3
"""After so many steps one of them is replaced."""


def untrained_network(configuration: SegVolConfiguration) -> SegVolNetwork:
    """A network to start from. Tokens that no name has mean nothing: they would stay random."""
    network = build_network(configuration).train()
    attend_by_place(network)
    embedding = network.text_encoder.clip_text_model["text_model"].embeddings.token_embedding.weight
    used = torch.cat([token_ids(text) for text in NAMES]).unique()
    with torch.no_grad():
        known = embedding[used].clone()
        embedding.zero_()
        embedding[used] = known
    return network


def parameter_groups(network: SegVolNetwork) -> list[dict[str, Any]]:
    """Everything, without decay for embeddings of tokens, most of which are never seen."""
    embedding = network.text_encoder.clip_text_model["text_model"].embeddings.token_embedding.weight
    others = [parameter for parameter in network.parameters() if parameter is not embedding]
    return [{"params": others, "share": 1.0}, {"params": [embedding], "share": 1.0, "weight_decay": 0.0}]


def view_loss(
    network: SegVolNetwork, embedding: Tensor, view: View, texts: dict[str, Tensor], generator: torch.Generator
) -> Tensor | None:
    """Loss of some combinations of prompts about one view, embedded as (1, width, d, h, w)."""
    losses = []
    for kind in random_kinds(view, KINDS, generator):
        questions = random_questions(view, TEXT in kind, generator)
        if questions:
            logits = coarse_logits(network, embedding, prompts_for(questions, kind, texts, generator))
            masks = coarse_masks(torch.stack([question.mask for question in questions]), logits)
            losses.append(mask_loss(logits.flatten(1), masks.flatten(1)))
    return torch.stack(losses).mean() if losses else None


def views_loss(network: SegVolNetwork, views: list[View], generator: torch.Generator) -> Tensor | None:
    """Loss on a batch: each view and each text is embedded once."""
    embeddings = network.embed(torch.cat([view.image for view in views]))
    texts = dict(zip(NAMES, network.embed_texts(torch.stack([token_ids(text) for text in NAMES])), strict=True))
    losses = [view_loss(network, embeddings[n : n + 1], view, texts, generator) for n, view in enumerate(views)]
    found = [loss for loss in losses if loss is not None]
    return torch.stack(found).mean() if found else None


class SegVolRun(ResumableRun):
    """Training of the small SegVol on scans that are replaced by and by.

    Args:
        arguments: of `add_run_arguments`, and folders or None: `cache` of CTs, `start` of a model to go on from.
    """

    def __init__(self, arguments: argparse.Namespace) -> None:
        torch.manual_seed(arguments.seed)
        network = untrained_network(CONFIGURATION)
        if arguments.start is not None:
            state = load_file(arguments.start / "model.safetensors")
            network.load_state_dict({name: value.float() for name, value in state.items()})
        cases = [] if arguments.cache is None else read_cache(arguments.cache)
        by_source = {source: [case for case in cases if case.source == source and case.places] for source in SOURCES}
        self.cases = {source: own for source, own in by_source.items() if own}
        super().__init__(network, parameter_groups(network), CONFIGURATION.as_dict(), arguments)
        self.scenes = [self.new_scene() for _ in range(SCENES)]

    def new_scene(self) -> Scene:
        if self.cases and chance(CT_SHARE, self.generator):
            shares = torch.tensor([SOURCES[source] for source in self.cases])
            own = list(self.cases.values())[int(torch.multinomial(shares, 1, generator=self.generator))]
            case = own[int(torch.randint(len(own), (), generator=self.generator))]
            scene = scene_of(random_scan(case, self.generator), CONFIGURATION.image_size)
            return scene if scene.labels.any() else self.new_scene()
        seed = int(torch.randint(2**31, (), generator=self.generator))
        return scene_of(random_torso(np.random.default_rng(seed)), CONFIGURATION.image_size)

    def loss(self) -> Tensor | None:
        """Loss on a batch of views."""
        if self.step % STEPS_OF_A_SCENE == 0:
            self.scenes[self.step // STEPS_OF_A_SCENE % SCENES] = self.new_scene()
        chosen = torch.randint(SCENES, (BATCH,), generator=self.generator)
        views = [random_view(self.scenes[int(n)], self.generator) for n in chosen]
        return views_loss(self.network, views, self.generator)


def main() -> None:
    """Train until the time is used up."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, help="folder of case_cache.py")
    parser.add_argument("--start", type=Path, help="folder of the model to start from")
    add_run_arguments(parser, minutes=16.0, rate=2e-3)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    SegVolRun(arguments).train()


if __name__ == "__main__":
    main()
