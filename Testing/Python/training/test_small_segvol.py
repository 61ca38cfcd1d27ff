"""The small bundled SegVol: it means what it is asked, on torsos that it never saw."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from evaluate_segvol import FIRST_SEED, Scores, load, measure, torso_masks
from torsos import IDS, Torso, random_torso

from vistaseg.models.segvol.model import SegVol
from vistaseg.prompts import Text
from vistaseg.resources import resource_path
from vistaseg.session import Session

TORSOS = 6


@pytest.fixture(scope="module")
def folder() -> Path:
    return resource_path("segvol-demo/model.safetensors").parent


@pytest.fixture(scope="module")
def model(folder: Path) -> SegVol:
    return load(folder)


@pytest.fixture(scope="module")
def scores(model: SegVol) -> Scores:
    found: Scores = {}
    for torso in held_out():
        measure(model, torso.volume, liver(torso.labels), found)
    return found


def held_out() -> Iterator[Torso]:
    return (random_torso(np.random.default_rng(seed)) for seed in range(FIRST_SEED, FIRST_SEED + TORSOS))


def liver(labels: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    return ((name, mask) for name, mask in torso_masks(labels) if name == "liver")


def test_it_is_small_and_says_what_it_is(folder: Path, model: SegVol) -> None:
    assert (folder / "model.safetensors").stat().st_size <= 5_000_000
    assert "not for reading scans" in model.notice


@pytest.mark.parametrize(("kind", "least"), [("text", 0.65), ("box", 0.75), ("1 click", 0.6), ("box + text", 0.75)])
def test_the_liver_is_found_by_every_kind_of_prompt(scores: Scores, kind: str, least: float) -> None:
    assert np.mean(scores["liver"][kind]) > least


@pytest.mark.parametrize(
    ("side", "other"), [("left lung", "right lung"), ("right lung", "left lung"), ("left kidney", "right kidney")]
)
def test_a_text_means_the_side_that_it_names(model: SegVol, side: str, other: str) -> None:
    own = wrong = 0
    for torso in held_out():
        session = Session(torso.volume, model)
        session.start(side)
        answer = session.add(Text(side), side)
        labels = torso.labels[answer.mask.box.slices_kji][answer.mask.array]
        own, wrong = own + (labels == IDS[side]).sum(), wrong + (labels == IDS[other]).sum()
    assert own > 3 * wrong
