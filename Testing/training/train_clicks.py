"""Train the branch for clicks of the demo model on top of its weights; its automatic branch stays as it is.

    python Testing/training/case_cache.py --cache CACHE --data FOLDER --chest FOLDER
    python Testing/training/train_clicks.py --cache CACHE --start Resources/demo-model --output RUN

A run can be stopped at any time and goes on where it stood when the same command is given again. While there is a file
PAUSE beside the folder RUN it waits.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from monai.networks.nets.vista3d import PointMappingSAM
from torch import Tensor, nn

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "Logic"), str(Path(__file__).resolve().parent)]

from augmentation import Patch, chance, random_patch  # noqa: E402
from case_cache import read_cache  # noqa: E402
from cases import SMALLEST, Case  # noqa: E402
from click_attention import attend_by_place  # noqa: E402
from losses import mask_loss  # noqa: E402
from phantoms import with_bodies  # noqa: E402
from point_decoding import Frame, decode, positions  # noqa: E402
from resumable import ResumableRun, add_run_arguments  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from simulated_user import SimulatedUser  # noqa: E402
from training_structures import BONE, CLICKED_UNIONS, FIRST_WITHOUT_CLASS, UNIONS, is_structure  # noqa: E402
from widening import widened  # noqa: E402

from vistaseg import catalog  # noqa: E402
from vistaseg.masks.boxed import Mask  # noqa: E402
from vistaseg.models.vista3d.configuration import Vista3dConfiguration  # noqa: E402
from vistaseg.models.vista3d.network import build_network  # noqa: E402
from vistaseg.models.vista3d.point_head import ClickTarget, reduce  # noqa: E402

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
SIDES = {40: 0.5, 48: 0.3, 64: 0.2}
"""Side of a patch, up to that of the software's windows → share of the patches. Small ones are cheap, but of small ones
alone lungs and liver are forgotten."""
FEATURES = 32
"""That the branch for clicks needs at least, see `widening`."""
SPECIAL = frozenset(structure.id for structure in catalog.structures() if structure.special_points)
WITHOUT_CLASS = ClickTarget(supported=False)


@dataclass(frozen=True, eq=False)
class Object:
    """A structure in a patch, bool (x, y, z), and what is sent with its clicks."""

    mask: Mask
    target: ClickTarget


def choose_objects(patch: Patch, generator: torch.Generator) -> list[Object]:
    """Structures of a patch to click on."""
    sizes = {
        int(i): int(n)
        for i, n in zip(*torch.unique(patch.labels, return_counts=True), strict=True)
        if is_structure(int(i))
    }
    ids = [i for i, size in sizes.items() if size >= SMALLEST and i != BONE]
    chosen = [ids[int(position)] for position in torch.randperm(len(ids), generator=generator)[:OBJECTS]]
    objects = [Object((patch.labels == i).numpy(), target_of(i, generator)) for i in chosen]
    unions = [[i for i in members if i in sizes] for members in map(UNIONS.__getitem__, CLICKED_UNIONS)]
    unions = [members for members in unions if sum(sizes[i] for i in members) >= SMALLEST]
    if unions and chance(UNION_SHARE, generator):
        members = unions[int(torch.randint(len(unions), (), generator=generator))]
        union = torch.isin(patch.labels, torch.tensor(members)).numpy()
        objects = [Object(union, WITHOUT_CLASS), *objects[: OBJECTS - 1]]
    return objects


def target_of(structure: int, generator: torch.Generator) -> ClickTarget:
    """What is sent with the clicks on a structure."""
    if structure >= FIRST_WITHOUT_CLASS or chance(WITHOUT_CLASS_SHARE, generator):
        return WITHOUT_CLASS
    return ClickTarget(supported=True, special=structure in SPECIAL)


def random_frame(patch: int, window: int, generator: torch.Generator) -> Frame:
    """A patch anywhere in a window."""
    x, y, z = (2 * torch.randint((window - patch) // 2 + 1, (3,), generator=generator)).tolist()
    return Frame((window,) * 3, (x, y, z))


@dataclass(frozen=True, eq=False)
class Encoded:
    """A patch as the point head reads it: what is clicked in it is answered from this."""

    head: PointMappingSAM
    reduced: Tensor
    positions: Tensor
    frame: Frame

    def answer(self, user: SimulatedUser, target: ClickTarget) -> Tensor:
        """Logits (x, y, z) of what a user has clicked on."""
        return decode(self.head, self.reduced, self.positions, user.clicks, target, self.frame).float()


def encoded(network: nn.Module, features: Tensor, frame: Frame) -> Encoded:
    """A patch of which the point decoder made features (1, C, P, P, P), and which stands somewhere in a window."""
    reduced = reduce(network.point_head, features)
    return Encoded(network.point_head, reduced, positions(network.point_head, reduced.shape[2:], frame), frame)


def user_after(clicks: int, patch: Encoded, thing: Object, generator: torch.Generator) -> SimulatedUser:
    """A user who has placed so many clicks, or fewer where nothing was left to mend."""
    user = SimulatedUser(thing.mask, CARELESSNESS, generator)
    user.click()
    for _ in range(clicks - 1):
        with torch.no_grad():
            logits = patch.answer(user, thing.target)
        user.see((logits > 0).cpu().numpy())
        if not user.click():
            break
    return user


def clicks_loss(patch: Encoded, objects: list[Object], generator: torch.Generator) -> Tensor:
    """Mean loss of the answers to clicks on the objects of a patch."""
    counts = 1 + torch.multinomial(torch.tensor(CLICK_COUNTS), len(objects), replacement=True, generator=generator)
    losses = []
    for thing, count in zip(objects, counts.tolist(), strict=True):
        user = user_after(count, patch, thing, generator)
        logits = patch.answer(user, thing.target).flatten()[None]
        losses.append(mask_loss(logits, torch.from_numpy(thing.mask).to(logits).flatten()[None]))
    return torch.stack(losses).mean()


def start_from(folder: Path) -> tuple[nn.Module, Vista3dConfiguration]:
    """A model as a run wrote it, of which only the branch for clicks can learn.

    One of the automatic branch alone gets the features that clicks need, and an untrained branch for them.
    """
    configuration = Vista3dConfiguration.read(folder / "config.json")
    state = {name: value.float() for name, value in load_file(folder / "model.safetensors").items()}
    if configuration.features < FEATURES:
        configuration = replace(configuration, features=FEATURES)
        network = build_network(configuration)
        attend_by_place(network.point_head)
        state = widened(state, network.state_dict())
    else:
        network = build_network(configuration)
    network.load_state_dict(state)
    network.train().requires_grad_(False)
    for part in (network.image_encoder.up_layers, network.point_head):
        part.requires_grad_(True)
    return network.to(memory_format=torch.channels_last_3d), configuration


class Supply:
    """Random patches of some cases, and what to click on in them."""

    def __init__(self, cases: list[Case], intensity_range: tuple[float, float]) -> None:
        by_source = {source: [case for case in cases if case.source == source] for source in SOURCES}
        self.cases = {source: own for source, own in by_source.items() if own}
        self.intensity_range = intensity_range

    def next_case(self, generator: torch.Generator) -> Case:
        """A random one; within a collection, CTs with more structures more often."""
        sources = list(self.cases)
        shares = torch.tensor([SOURCES[source] for source in sources])
        own = self.cases[sources[int(torch.multinomial(shares, 1, generator=generator))]]
        weights = torch.tensor([len(case.places) ** 0.5 for case in own])
        return own[int(torch.multinomial(weights, 1, generator=generator))]

    def draw(self, side: int, generator: torch.Generator) -> tuple[Tensor, list[Object]]:
        """A patch (1, 1, side, side, side) with at least one structure or body in it."""
        objects: list[Object] = []
        while not objects:
            subject = self.next_case(generator).subject()
            patch = random_patch(subject, side, 1.0, self.intensity_range, generator)
            if chance(BODIES_SHARE, generator):
                patch, masks = with_bodies(patch, OBJECTS + 1, generator)
                objects = [Object(mask.numpy(), WITHOUT_CLASS) for mask in masks[:OBJECTS]]
            else:
                objects = choose_objects(patch, generator)
        return patch.image, objects


class ClicksRun(ResumableRun):
    """Training of the branch for clicks, one patch a step."""

    device = torch.device("cpu")

    def __init__(self, arguments: argparse.Namespace, cases: list[Case]) -> None:
        torch.manual_seed(arguments.seed)
        network, self.model = start_from(arguments.start)
        network.to(self.device)
        self.supply = Supply(cases, self.model.intensity_range)
        groups: list[dict[str, Any]] = [{"params": [p for p in network.parameters() if p.requires_grad], "share": 1.0}]
        super().__init__(network, groups, self.model.as_dict(), arguments)

    def next_side(self) -> int:
        """Of a patch, in voxels."""
        shares = torch.tensor(list(SIDES.values()))
        return list(SIDES)[int(torch.multinomial(shares, 1, generator=self.generator))]

    def loss(self) -> Tensor:
        """Loss of the branch on a patch."""
        side = self.next_side()
        image, objects = self.supply.draw(side, self.generator)
        frame = random_frame(side, self.model.window[0], self.generator)
        image = image.contiguous(memory_format=torch.channels_last_3d)
        features, _ = self.network.image_encoder(image, with_point=True, with_label=False)
        return clicks_loss(encoded(self.network, features, frame), objects, self.generator)


def main() -> None:
    """Read the cases and train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, required=True, help="folder of case_cache.py")
    parser.add_argument("--start", type=Path, required=True, help="folder of the model to start from")
    add_run_arguments(parser, minutes=90.0, rate=1.5e-3)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    ClicksRun(arguments, read_cache(arguments.cache)).train()


if __name__ == "__main__":
    main()
