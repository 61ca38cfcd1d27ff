"""Train the branch for clicks of the demo model on top of its weights; its automatic branch stays as it is.

    python Testing/training/click_cases.py --cache CACHE …
    python Testing/training/train_clicks.py --cache CACHE --start Resources/demo-model --output RUN

A run can be stopped at any time and goes on where it stood when the same command is given again. While there is a file
PAUSE beside the folder RUN it waits.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "Logic"), str(Path(__file__).resolve().parent)]

from augmentation import Patch, chance, random_patch  # noqa: E402
from click_cases import FIRST_WITHOUT_CLASS, SMALLEST, UNIONS, ClickCase, read_click_cases  # noqa: E402
from losses import mask_loss  # noqa: E402
from phantoms import with_bodies  # noqa: E402
from point_decoding import Frame, decode, positions  # noqa: E402
from resumable import ResumableRun, add_run_arguments  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from simulated_user import SimulatedUser  # noqa: E402

from vistaseg import catalog  # noqa: E402
from vistaseg.models.correction import Mask  # noqa: E402
from vistaseg.models.vista3d.configuration import Vista3dConfiguration  # noqa: E402
from vistaseg.models.vista3d.network import build_network  # noqa: E402
from vistaseg.models.vista3d.point_head import Target, reduce  # noqa: E402

SOURCES = {"openkbp": 0.34, "sts": 0.22, "labelled": 0.32, "chests": 0.12}
"""Share of the patches from each collection."""
BODIES_SHARE = 0.1
"""Of the patches: with bodies of random shape in them."""
OBJECTS = 4
"""Clicked on in each patch."""
CLICK_COUNTS = (0.36, 0.2, 0.16, 0.11, 0.09, 0.08)
"""Share of the answers that are learned after 1, 2, … clicks."""
CARELESSNESS = 0.3
"""Of the simulated user."""
UNION_SHARE = 0.4
"""How often a structure of several classes is clicked on where there is one."""
WITHOUT_CLASS_SHARE = 0.4
"""Of the structures with a class: clicked on as if they had none."""
SIDES = ((0.5, 40), (0.85, 48), (1.01, 64))
"""Until which share of the run patches have which side; at last that of the software's windows."""
SPECIAL = frozenset(structure.id for structure in catalog.structures() if structure.special_points)
WITHOUT_CLASS = Target(supported=False)


@dataclass(frozen=True, eq=False)
class Object:
    """A structure in a patch, bool (x, y, z), and what is sent with its clicks."""

    mask: Mask
    target: Target


def choose_objects(patch: Patch, generator: torch.Generator) -> list[Object]:
    """Structures of a patch to click on."""
    sizes = {int(i): int(n) for i, n in zip(*torch.unique(patch.labels, return_counts=True), strict=True) if i}
    ids = [i for i, size in sizes.items() if size >= SMALLEST]
    chosen = [ids[int(position)] for position in torch.randperm(len(ids), generator=generator)[:OBJECTS]]
    objects = [Object((patch.labels == i).numpy(), target_of(i, generator)) for i in chosen]
    unions = [[i for i in members if i in sizes] for members in UNIONS.values()]
    unions = [members for members in unions if sum(sizes[i] for i in members) >= SMALLEST]
    if unions and chance(UNION_SHARE, generator):
        members = unions[int(torch.randint(len(unions), (), generator=generator))]
        union = torch.isin(patch.labels, torch.tensor(members)).numpy()
        objects = [Object(union, WITHOUT_CLASS), *objects[: OBJECTS - 1]]
    return objects


def target_of(structure: int, generator: torch.Generator) -> Target:
    """What is sent with the clicks on a structure."""
    if structure >= FIRST_WITHOUT_CLASS or chance(WITHOUT_CLASS_SHARE, generator):
        return WITHOUT_CLASS
    return Target(supported=True, special=structure in SPECIAL)


def random_frame(patch: int, window: int, generator: torch.Generator) -> Frame:
    """A patch anywhere in a window."""
    x, y, z = (2 * torch.randint((window - patch) // 2 + 1, (3,), generator=generator)).tolist()
    return Frame((window,) * 3, (x, y, z))


def click_on(network: nn.Module, reduced: Tensor, encoded: Tensor, thing: Object, frame: Frame, clicks: int,
             generator: torch.Generator) -> SimulatedUser:  # fmt: skip
    """A user who has placed so many clicks, or fewer where nothing was left to mend."""
    user = SimulatedUser(thing.mask, CARELESSNESS, generator)
    user.click()
    for _ in range(clicks - 1):
        with torch.no_grad():
            logits = decode(network.point_head, reduced, encoded, user.clicks, thing.target, frame)
        user.see((logits > 0).cpu().numpy())
        if not user.click():
            break
    return user


def clicks_loss(
    network: nn.Module, image: Tensor, objects: list[Object], frame: Frame, generator: torch.Generator
) -> Tensor:
    """Mean loss of the answers to clicks on the objects of a patch (1, 1, P, P, P)."""
    features, _ = network.image_encoder(image, with_point=True, with_label=False)
    reduced = reduce(network.point_head, features)
    encoded = positions(network.point_head, reduced.shape[2:], frame)
    counts = 1 + torch.multinomial(torch.tensor(CLICK_COUNTS), len(objects), replacement=True, generator=generator)
    losses = []
    for thing, count in zip(objects, counts.tolist(), strict=True):
        user = click_on(network, reduced.detach(), encoded, thing, frame, count, generator)
        logits = decode(network.point_head, reduced, encoded, user.clicks, thing.target, frame)
        truth = torch.from_numpy(thing.mask).to(logits)
        losses.append(mask_loss(logits.flatten()[None], truth.flatten()[None]))
    return torch.stack(losses).mean()


def start_from(folder: Path) -> tuple[nn.Module, Vista3dConfiguration]:
    """A model as it is shipped, of which only the branch for clicks can learn."""
    configuration = Vista3dConfiguration.read(folder / "config.json")
    network = build_network(configuration).train()
    network.load_state_dict({name: value.float() for name, value in load_file(folder / "model.safetensors").items()})
    network.requires_grad_(False)
    for part in (network.image_encoder.up_layers, network.point_head):
        part.requires_grad_(True)
    return network.to(memory_format=torch.channels_last_3d), configuration


class ClicksRun(ResumableRun):
    """Training of the branch for clicks."""

    def __init__(self, arguments: argparse.Namespace, cases: list[ClickCase]) -> None:
        network, self.model = start_from(arguments.start)
        self.cases = {source: [case for case in cases if case.source == source] for source in SOURCES}
        self.cases = {source: own for source, own in self.cases.items() if own}
        groups: list[dict[str, Any]] = [{"params": [p for p in network.parameters() if p.requires_grad], "share": 1.0}]
        super().__init__(network, groups, self.model.as_dict(), arguments)

    def next_case(self) -> ClickCase:
        """A random one; within a collection, CTs with more structures more often."""
        sources = list(self.cases)
        shares = torch.tensor([SOURCES[source] for source in sources])
        own = self.cases[sources[int(torch.multinomial(shares, 1, generator=self.generator))]]
        weights = torch.tensor([len(case.places) ** 0.5 for case in own])
        return own[int(torch.multinomial(weights, 1, generator=self.generator))]

    def next_objects(self, side: int) -> tuple[Patch, list[Object]]:
        """A patch, and structures or bodies in it."""
        subject = self.next_case().subject()
        patch = random_patch(subject, side, 1.0, self.model.intensity_range, self.generator)
        if not chance(BODIES_SHARE, self.generator):
            return patch, choose_objects(patch, self.generator)
        patch, masks = with_bodies(patch, OBJECTS + 1, self.generator)
        return patch, [Object(mask.numpy().astype(np.bool_), WITHOUT_CLASS) for mask in masks[:OBJECTS]]

    def loss(self) -> Tensor | None:
        """Loss of the branch on a patch."""
        window = self.model.window[0]
        side = next(side for until, side in SIDES if self.progress < until)
        patch, objects = self.next_objects(side)
        if not objects:
            return None
        image = patch.image.contiguous(memory_format=torch.channels_last_3d)
        return clicks_loss(self.network, image, objects, random_frame(side, window, self.generator), self.generator)


def main() -> None:
    """Read the cases and train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True, help="folder of click_cases.py")
    parser.add_argument("--start", type=Path, required=True, help="folder of the model to start from")
    add_run_arguments(parser, minutes=90.0, rate=1.5e-3)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    cases = read_click_cases(arguments.cache)
    ClicksRun(arguments, cases).train()


if __name__ == "__main__":
    main()
