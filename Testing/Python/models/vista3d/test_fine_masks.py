"""Clicks on masks finer than the grid of the network: what it does not see changes, or stays, all the same."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest
from clicked_balls import affine_of, balls, body, full, nothing, ras
from hypothesis import given, settings
from hypothesis import strategies as st

from vistaseg.models.vista3d import interactive
from vistaseg.models.vista3d.model import Vista3d
from vistaseg.prompts import Point
from vistaseg.session import Session

pytestmark = pytest.mark.usefixtures("sees_balls")


@given(st.integers(0, 10**6), st.booleans())
@settings(max_examples=30, deadline=None)
def test_the_clicked_voxel_changes_in_any_mask_finer_than_the_networks_grid(
    model: Vista3d, seed: int, positive: bool
) -> None:
    """A hole or a speck of one voxel too, which the network's voxel, of many, does not tell of."""
    generator = np.random.default_rng(seed)
    volume = body(affine=affine_of(seed))
    session = Session(volume, model)
    i, j, k = (int(generator.integers(4, n - 4)) for n in volume.shape_ijk)
    start = generator.random(volume.array.shape) < generator.choice([0, 0.5, 1])
    start[k, j, i] = not positive
    session.set_mask("a", start)
    with patch.object(interactive, "logits", balls if positive else nothing):
        session.add(Point(ras(volume, (i, j, k)), positive), "a")
    assert full(session, "a")[k, j, i] == positive


@pytest.mark.parametrize("step", [0.8, 1.0, 1.4, 3.0, 5.0])
def test_nothing_is_left_of_a_structure_that_a_click_takes_away(model: Vista3d, step: float) -> None:
    """In a mask finer than the network's grid too, and of what lies beside it every voxel stays."""
    volume = body(tuple(int(72 / step) for _ in "kji"), np.diag([step, step, step, 1.0]))
    generator, places = np.random.default_rng(0), np.moveaxis(np.indices(volume.array.shape), 0, -1) * step
    for _ in range(5):
        centre = generator.uniform(24, 27, 3)
        ball = np.linalg.norm(places - centre, axis=-1) < 8
        other = np.linalg.norm(places - centre - [0, 0, 25], axis=-1) < 8
        session = Session(volume, model)
        session.set_mask("a", ball | other)
        with patch.object(interactive, "logits", nothing):
            session.add(Point(tuple(centre[::-1]), positive=False), "a")
        assert np.array_equal(full(session, "a"), other)


def test_a_speck_beside_what_a_click_takes_away_keeps_its_bits(model: Vista3d) -> None:
    """One that the network's grid is too coarse to see, and that is not connected with it."""
    volume = body((72, 72, 72), np.eye(4))
    start = np.linalg.norm(np.indices(volume.array.shape) - np.array([[[[36]]]] * 3), axis=0) < 8
    speck = np.zeros_like(start)
    speck[36, 36, 46] = True
    session = Session(volume, model)
    session.set_mask("a", start | speck)
    with patch.object(interactive, "logits", nothing):
        session.add(Point((36.0, 36.0, 36.0), positive=False), "a")
    assert np.array_equal(full(session, "a"), speck)
