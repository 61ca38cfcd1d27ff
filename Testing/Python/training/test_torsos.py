"""Generated torsos: the training truth of the small SegVol."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from torsos import IDS, ORGANS, Torso, random_torso, turned

SEEDS = range(8)


@pytest.fixture(scope="module")
def torsos() -> list[Torso]:
    return [random_torso(np.random.default_rng(seed)) for seed in SEEDS]


def middle(torso: Torso, name: str) -> np.ndarray | None:
    """In RAS mm; None where less than a corner of it is in the scan."""
    places = np.argwhere(torso.labels == IDS[name])
    return torso.volume.index_to_ras(places[:, ::-1]).mean(axis=0) if len(places) > 50 else None


def pairs(torsos: list[Torso], one: str, other: str) -> list[tuple[np.ndarray, np.ndarray]]:
    found = [(middle(torso, one), middle(torso, other)) for torso in torsos]
    return [(a, b) for a, b in found if a is not None and b is not None]


@pytest.mark.parametrize(
    ("left", "right"), [("left lung", "right lung"), ("left kidney", "right kidney"), ("spleen", "liver")]
)
def test_left_organs_lie_on_the_left_of_the_patient(torsos: list[Torso], left: str, right: str) -> None:
    found = pairs(torsos, left, right)
    assert found
    assert all(a[0] < b[0] for a, b in found)


@pytest.mark.parametrize(("above", "below"), [("heart", "left kidney"), ("left lung", "liver"), ("liver", "bladder")])
def test_the_head_is_up(torsos: list[Torso], above: str, below: str) -> None:
    found = pairs(torsos, above, below)
    assert found
    assert all(a[2] > b[2] for a, b in found)


def test_the_spine_is_behind(torsos: list[Torso]) -> None:
    assert all(a[1] < b[1] for a, b in pairs(torsos, "bone", "heart"))


def test_scans_are_stored_both_ways_and_never_mirrored(torsos: list[Torso]) -> None:
    assert {torso.volume.orientation for torso in torsos} == {"LPS", "RAS"}


def test_turning_leaves_every_organ_where_it_is(torsos: list[Torso]) -> None:
    for torso in torsos[:3]:
        other = turned(torso)
        assert other.volume.orientation != torso.volume.orientation
        np.testing.assert_allclose(middle(other, "bone"), middle(torso, "bone"), atol=1e-6)


def test_organs_have_their_density(torsos: list[Torso]) -> None:
    for torso in torsos:
        for organ in ORGANS:
            # Away from the surface, which is blurred into what is around it.
            inside = torso.volume.array[ndimage.binary_erosion(torso.labels == IDS[organ.name])]
            if inside.size > 100:
                assert organ.density[0] - 40 < np.median(inside) < organ.density[1] + 40


def test_air_is_outside_and_torsos_differ(torsos: list[Torso]) -> None:
    assert all((torso.volume.array < -900).mean() > 0.02 for torso in torsos)
    assert len({torso.volume.shape_ijk for torso in torsos}) == len(SEEDS)


def test_a_seed_makes_the_same_torso() -> None:
    one, other = (random_torso(np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(one.volume.array, other.volume.array)
    np.testing.assert_array_equal(one.labels, other.labels)
