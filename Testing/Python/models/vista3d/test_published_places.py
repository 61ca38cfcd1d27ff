"""Clicks on a scan against the published evaluator's steps: where they are, and what kind of structure they are on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
from reference_pipeline import click_logits

from vistaseg.compute import Compute
from vistaseg.models.protocol import ModelIdentity
from vistaseg.models.recipe import Recipe
from vistaseg.models.vista3d import interactive
from vistaseg.models.vista3d.channels_last import to_channels_last
from vistaseg.models.vista3d.configuration import Vista3dConfiguration
from vistaseg.models.vista3d.model import Vista3d
from vistaseg.models.vista3d.network import build_network
from vistaseg.models.vista3d.preprocessing import network_image
from vistaseg.prompts import Point
from vistaseg.session import Session
from vistaseg.volume import Volume

CONFIGURATION = Vista3dConfiguration(
    width=8, features=16, blocks_down=(1, 2, 1), spacing=(3.0, 3.0, 3.0), window=(32, 32, 32), foreground_margin=4
)
PLACES = [(26.3, 20.8, 19.6), (40.0, 33.4, 9.55)]
LIVER, LUNG_TUMOR = 1, 23


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    torch.manual_seed(5)
    return build_network(CONFIGURATION).requires_grad_(False)


@pytest.fixture(scope="module")
def model(network: torch.nn.Module) -> Vista3d:
    ours = build_network(CONFIGURATION).requires_grad_(False)
    ours.load_state_dict(network.state_dict())
    cpu = Compute(torch.device("cpu"), torch.float32)
    return Vista3d(to_channels_last(ours), CONFIGURATION, cpu, ModelIdentity("test", "Test", "ab" * 32), 0, 10**8)


@pytest.fixture(scope="module")
def volume() -> Volume:
    """Oblique and anisotropic, larger than a window along each axis."""
    generator = np.random.default_rng(3)
    array = np.full((40, 44, 52), -1000.0, np.float32)
    array[2:-2, 2:-2, 2:-2] = generator.normal(40, 80, (36, 40, 48))
    affine = np.eye(4)
    affine[:3, :3] = np.array([[0.0, 0.98, 0.199], [-1.0, 0.0, 0.0], [0.0, -0.199, 0.98]]) * [2.3, 2.65, 3.7]
    affine[:3, 3] = [11.0, -40.0, 300.0]
    return Volume.from_array(array, affine, axes="kji")


@contextmanager
def seen_logits() -> Iterator[list[torch.Tensor]]:
    """The logits (x, y, z) of each window that is asked about."""
    seen: list[torch.Tensor] = []
    own = interactive.logits

    def watched(*arguments: Any) -> torch.Tensor:
        seen.append(own(*arguments))
        return seen[-1]

    with patch.object(interactive, "logits", watched):
        yield seen


def ours(model: Vista3d, volume: Volume, ijk: Sequence[float], **start: Any) -> torch.Tensor:
    """Logits of the window of one positive click, by a session."""
    session = Session(volume, model)
    session.start("a", **start)
    r, a, s = (float(value) for value in volume.index_to_ras([list(ijk)])[0])
    with seen_logits() as seen:
        session.add(Point((r, a, s)), "a")
    return seen[0]


def theirs(
    network: torch.nn.Module, volume: Volume, ijk: Sequence[float], label: int, prompt_class: int | None
) -> torch.Tensor:
    found = click_logits(network, volume, [ijk], [label], prompt_class, CONFIGURATION)
    return found[~found.isnan()].reshape(CONFIGURATION.window)


@pytest.mark.parametrize("ijk", PLACES)
@pytest.mark.parametrize(
    ("start", "label", "prompt_class"),
    [
        ({"known_organ": True}, 1, None),
        ({"known_organ": False}, 1, 133),
        ({"class_id": LIVER}, 1, LIVER),
        ({"class_id": LUNG_TUMOR}, 3, LUNG_TUMOR),
    ],
    ids=["known organ", "something new", "class", "special class"],
)
def test_a_click_between_voxels_gives_the_published_logits(
    network: torch.nn.Module,
    model: Vista3d,
    volume: Volume,
    ijk: Sequence[float],
    start: dict[str, Any],
    label: int,
    prompt_class: int | None,
) -> None:
    expected = theirs(network, volume, ijk, label, prompt_class)
    torch.testing.assert_close(ours(model, volume, ijk, **start), expected, atol=1e-4, rtol=0)


def test_a_known_organ_is_not_something_new(model: Vista3d, volume: Volume) -> None:
    known, new = (ours(model, volume, PLACES[0], known_organ=known) for known in (True, False))
    assert (known - new).abs().max() > 1e-3


def test_rounding_a_click_to_the_networks_voxels_gives_other_logits(
    network: torch.nn.Module, model: Vista3d, volume: Volume
) -> None:
    rounding = replace(model, identity=replace(model.identity, recipe=Recipe(click_place="voxel")))
    expected = theirs(network, volume, PLACES[0], 1, None)
    assert (ours(rounding, volume, PLACES[0], known_organ=True) - expected).abs().max() > 1e-3


def test_two_places_in_one_voxel_of_the_network_are_two_clicks(model: Vista3d, volume: Volume) -> None:
    rounding = replace(model, identity=replace(model.identity, recipe=Recipe(click_place="voxel")))
    one, other = PLACES[0], tuple(value + 0.15 for value in PLACES[0])
    assert torch.equal(ours(rounding, volume, one), ours(rounding, volume, other))
    assert (ours(model, volume, one) - ours(model, volume, other)).abs().max() > 1e-5


def test_the_network_is_asked_at_the_place_between_its_voxels(model: Vista3d, volume: Volume) -> None:
    asked: list[tuple[float, ...]] = []
    own = interactive.logits

    def watched(*arguments: Any) -> torch.Tensor:
        asked.append(arguments[3][0].exact)
        return own(*arguments)

    session = Session(volume, model)
    session.start("a")
    r, a, s = (float(value) for value in volume.index_to_ras([list(PLACES[0])])[0])
    with patch.object(interactive, "logits", watched):
        session.add(Point((r, a, s)), "a")
    place = network_image(volume, CONFIGURATION).grid.ras_to_index([(r, a, s)])[0]
    off = np.subtract(place, asked[0])  # by whole voxels: the start of the window
    assert np.abs(off - np.round(off)).max() < 1e-6 and np.abs(place - np.round(place)).max() > 0.1


def test_how_a_structure_without_a_class_was_clicked_on_is_saved_and_told(model: Vista3d, volume: Volume) -> None:
    session = Session(volume, model)
    session.start("known", known_organ=True)
    session.start("new")
    r, a, s = (float(value) for value in volume.index_to_ras([list(PLACES[0])])[0])
    for name in ("known", "new"):
        session.add(Point((r, a, s)), name)
    again = Session.replay(volume, [model], session.as_dict())
    assert again.as_dict() == session.as_dict()
    for name in ("known", "new"):
        assert again.result(name).mask.equals(session.result(name).mask)
    told = {segment.name: segment.provenance.get("clicked_as") for segment in session.segmentation().segments}
    assert told == {"known": "known organ", "new": None}
    assert not session.result("known").mask.equals(session.result("new").mask)
