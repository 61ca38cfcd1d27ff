"""Train encoder and automatic branch of the bundled model: for trying the software out, not for reading scans.

    python Testing/training/case_cache.py --cache CACHE --data FOLDER --chest FOLDER
    python Testing/training/train_automatic.py --cache CACHE --output RUN [--start Resources/demo-model]

Without `--start` it begins with random weights. With it, the weights of the branch for clicks are kept; with
`--encoder-rate 0` its answers are, too, else `train_clicks.py` has to follow. A run can be stopped at any time and goes
on where it stood when the same command is given again. While there is a file PAUSE beside the folder RUN it waits.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "Logic"), str(Path(__file__).resolve().parent)]

from augmentation import Patch, chance, random_patch, side_by_side  # noqa: E402
from case_cache import read_cache  # noqa: E402
from cases import Case  # noqa: E402
from losses import label_map_loss  # noqa: E402
from resumable import ResumableRun, add_run_arguments  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from training_structures import FIRST_WITHOUT_CLASS, UNIONS  # noqa: E402
from widening import narrowed, widened  # noqa: E402

from vistaseg.models.vista3d.configuration import Vista3dConfiguration  # noqa: E402
from vistaseg.models.vista3d.network import build_network  # noqa: E402


@dataclass(frozen=True)
class View:
    """What the network is shown: patches of a side in voxels, each `zoom` times as large as the model's."""

    patch: int
    zoom: float


VIEWS = {View(32, 1.5): 0.2, View(48, 1.0): 0.6, View(64, 1.0): 0.2}
"""Share of the steps with each. Patches of large voxels teach where things are at a fraction of the cost."""
SOURCES = {"labelled": 0.62, "openkbp": 0.22, "chests": 0.13, "sts": 0.03}
"""Share of the patches from each collection."""
SEVERAL_SCANS = 0.15
"""Share of the patches that are of two scans, parted by a plane."""
LOSS_VOXELS = 25_000
"""Of a patch, at most: more only cost time."""
EMBEDDING_RATE = 5.0
"""Factor of the learning rate of the class embeddings, which each see only a few of the steps."""
FEATURES = 16
"""In training: the automatic branch trains faster with them than with those that clicks need, see `widening`."""
CONFIGURATION = Vista3dConfiguration(
    name="VistaSeg demo",
    width=16,
    features=FEATURES,
    blocks_down=(1, 1, 2, 2),
    spacing=(3.0, 3.0, 3.0),
    window=(64, 64, 64),
    foreground_margin=5,
    notice="Demo model: for trying the software out, not for reading scans.",
)


def automatic_loss(
    network: nn.Module, image: Tensor, patch: Patch, classes: Collection[int], generator: torch.Generator
) -> Tensor:
    """Loss of the automatic branch on a patch.

    Args:
        image: of the patch, in the memory layout that convolutions are fastest in.
        classes: that the branch learns.
    """
    _, features = network.image_encoder(image, with_point=False, with_label=True)
    mapped = network.class_head.image_post_mapping(features).flatten(2)[0]
    voxels = torch.randint(mapped.shape[1], (LOSS_VOXELS,), generator=generator)
    asked = torch.tensor(asked_classes(patch.annotated, classes), dtype=torch.long)
    vectors = network.class_head.mlp(network.class_head.class_embeddings(asked[:, None]))[:, 0]
    annotated = {structure: mask.flatten()[voxels] for structure, mask in patch.annotated.items()}
    return label_map_loss(vectors @ mapped[:, voxels], patch.labels.flatten()[voxels], asked, annotated)


def asked_classes(annotated: Mapping[int, Tensor], classes: Collection[int]) -> list[int]:
    """Those of some classes that were looked for, alone or as part of a union, in ascending order."""
    found = {member for structure in annotated for member in UNIONS.get(structure, (structure,))}
    return sorted(found.intersection(classes))


def parameter_groups(network: nn.Module, encoder_rate: float) -> list[dict[str, Any]]:
    """The class embeddings learn faster than the rest; the encoder at its own rate, at 0 not at all."""
    embeddings = list(network.class_head.class_embeddings.parameters())
    encoder = list(network.image_encoder.encoder.parameters())
    own = {id(parameter) for parameter in (*embeddings, *encoder)}
    for parameter in encoder:
        parameter.requires_grad_(encoder_rate > 0)
    return [
        {"params": [p for p in network.parameters() if id(p) not in own], "share": 1.0},
        {"params": encoder, "share": encoder_rate},
        {"params": embeddings, "share": EMBEDDING_RATE, "weight_decay": 0.0},
    ]


def trained_classes(cases: list[Case]) -> tuple[int, ...]:
    """Classes of which there is at least one example by name."""
    return tuple(sorted({i for case in cases for i in case.places if i < FIRST_WITHOUT_CLASS}))


class AutomaticRun(ResumableRun):
    """Training of the encoder and the automatic branch, one patch a step.

    Args:
        arguments: of `add_run_arguments`, `start`, the folder of a model or None, and `encoder_rate`.
    """

    def __init__(self, arguments: argparse.Namespace, cases: list[Case]) -> None:
        by_source = {source: [case for case in cases if case.source == source] for source in SOURCES}
        self.cases = {source: own for source, own in by_source.items() if own}
        torch.manual_seed(arguments.seed)
        network, self.model = self.start_from(arguments.start)
        self.model = replace(
            self.model, trained_classes=tuple(sorted({*(self.model.trained_classes or ()), *trained_classes(cases)}))
        )
        network = network.train().to(memory_format=torch.channels_last_3d)
        super().__init__(network, parameter_groups(network, arguments.encoder_rate), self.model.as_dict(), arguments)

    def start_from(self, folder: Path | None) -> tuple[nn.Module, Vista3dConfiguration]:
        """The network to train and the configuration to ship; keeps the state of a model that it starts from."""
        self.shipped: dict[str, Tensor] | None = None
        if folder is None:
            return build_network(CONFIGURATION), CONFIGURATION
        configuration = Vista3dConfiguration.read(folder / "config.json")
        self.shipped = {name: value.float() for name, value in load_file(folder / "model.safetensors").items()}
        network = build_network(replace(configuration, features=configuration.features // 2))
        network.load_state_dict(narrowed(self.shipped, network.state_dict()))
        return network, configuration

    def weights(self) -> Mapping[str, Tensor]:
        """The average, with the branch for clicks of the model that the run started from."""
        return self.average.state if self.shipped is None else widened(self.average.state, self.shipped)

    def next_case(self) -> Case:
        """A random one; within a collection, CTs with more structures and larger ones more often."""
        sources = list(self.cases)
        shares = torch.tensor([SOURCES[source] for source in sources])
        own = self.cases[sources[int(torch.multinomial(shares, 1, generator=self.generator))]]
        weights = torch.tensor([(len(case.places) * case.image.size) ** 0.5 for case in own])
        return own[int(torch.multinomial(weights, 1, generator=self.generator))]

    def next_patch(self, view: View) -> Patch:
        """Of one scan or of two."""
        count = 1 + chance(SEVERAL_SCANS, self.generator)
        patches = [
            random_patch(self.next_case().subject(), view.patch, view.zoom, self.model.intensity_range, self.generator)
            for _ in range(count)
        ]
        return patches[0] if count == 1 else side_by_side(*patches, self.generator)

    def loss(self) -> Tensor:
        """Loss of the branch on a patch."""
        views = list(VIEWS)
        chosen = torch.multinomial(torch.tensor(list(VIEWS.values())), 1, generator=self.generator)
        patch = self.next_patch(views[int(chosen)])
        image = patch.image.contiguous(memory_format=torch.channels_last_3d)
        return automatic_loss(self.network, image, patch, self.model.trained_classes, self.generator)


def main() -> None:
    """Read the cases and train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True, help="folder of case_cache.py")
    parser.add_argument("--start", type=Path, help="folder of the model to start from")
    parser.add_argument("--encoder-rate", type=float, default=1.0, help="factor of the encoder's learning rate")
    parser.add_argument("--leave-out", action="append", default=[], help="start of the names of cases never shown")
    add_run_arguments(parser, minutes=150.0, rate=1e-3)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    cases = [case for case in read_cache(arguments.cache) if not case.name.startswith(tuple(arguments.leave_out))]
    AutomaticRun(arguments, cases).train()


if __name__ == "__main__":
    main()
