from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from vistaseg.errors import CancelledError, InputError, UsageError
from vistaseg.evaluate import bounding_box, simulate
from vistaseg.geometry.grid import Grid
from vistaseg.prompts import Point, RegionOfInterest
from vistaseg.volume import Volume

LIVER = 1


def test_clicks_are_made_where_the_answer_is_wrong_and_mend_it(make_session, make_ball, volume):
    session, truth = make_session(), make_ball((10, -5, 8), 20)
    steps = simulate(session, truth, "liver", LIVER)
    assert session.started == {"liver": LIVER}
    assert [step.clicks for step in steps] == [1, 2, 3, 4, 5]
    assert [step.prompt for step in steps] == session.asked
    first = steps[0].prompt
    assert isinstance(first, Point) and first.positive
    assert np.allclose(first.ras, (10, -5, 8), atol=4)
    assert steps[-1].dice > steps[0].dice + 0.1 and 0 < steps[-1].surface_dice < 1
    assert all(step.seconds > 0 and step.peak_bytes > 1e6 and step.note == "A ball." for step in steps)


def test_what_was_painted_too_much_is_erased(make_session, make_ball):
    steps = simulate(make_session(), make_ball((0, 0, 0), 5), "spot", None, 2)
    assert isinstance(steps[1].prompt, Point) and not steps[1].prompt.positive


def test_the_box_comes_before_the_clicks(make_session, make_ball):
    session, truth = make_session(), make_ball((10, -5, 8), 20)
    steps = simulate(session, truth, "liver", LIVER, 2, box=True)
    assert [step.clicks for step in steps] == [0, 1, 2]
    assert isinstance(session.asked[0], RegionOfInterest)
    assert steps[0].dice == pytest.approx(2 * truth.sum() / (truth.sum() + session._box(session.asked[0]).sum()))
    assert isinstance(steps[1].prompt, Point) and not steps[1].prompt.positive


def test_a_perfect_answer_is_left_alone(make_session, volume):
    truth = np.zeros(volume.array.shape, bool)
    truth[10:20, 5:15, 5:15] = True
    session = make_session()
    steps = simulate(session, truth, "block", None, 3, box=True)
    assert len(session.asked) == 1
    assert [(step.dice, step.surface_dice) for step in steps] == [(1.0, 1.0)] * 4
    assert [(step.prompt, step.seconds) for step in steps[1:]] == [(None, 0.0)] * 3


def test_a_click_that_is_refused_changes_nothing_and_is_told(make_session, make_ball):
    session = make_session(refused_from_r=-100.0)
    steps = simulate(session, make_ball((0, 0, 0), 15), "liver", LIVER, 2)
    assert [(step.dice, step.note) for step in steps] == [(0.0, "The click lies outside the body.")] * 2


def test_a_refusal_keeps_the_answer_before_it(make_session, make_ball):
    session, truth = make_session(refused_from_r=5.0), make_ball((-20, 0, 0), 14) | make_ball((20, 0, 0), 10)
    steps = simulate(session, truth, "both", None, 4)
    refused = [step for step in steps if "outside" in step.note]
    assert refused and all(step.dice == steps[len(steps) - len(refused) - 1].dice > 0 for step in refused)


def test_a_cancel_stops_it(make_session, make_ball, monkeypatch):
    session = make_session()

    def stop(*_: object) -> None:
        raise CancelledError("Stopped.")

    monkeypatch.setattr(session, "add", stop)
    with pytest.raises(CancelledError):
        simulate(session, make_ball((0, 0, 0), 15), "liver", LIVER)


def test_an_empty_truth_and_no_clicks_are_refused(make_session, make_ball, volume):
    with pytest.raises(InputError, match="no voxel of liver"):
        simulate(make_session(), np.zeros(volume.array.shape, bool), "liver")
    with pytest.raises(UsageError, match="at least 1"):
        simulate(make_session(), make_ball((0, 0, 0), 15), "liver", clicks=0)


def test_the_box_holds_whole_voxels(volume):
    mask = np.zeros(volume.array.shape, bool)
    mask[3, 5, 7] = True
    box = bounding_box(mask, volume.grid)
    centre = np.array([40 - 14, 40 - 10, -60 + 12])
    assert np.allclose(box.low, centre - [1, 1, 2]) and np.allclose(box.high, centre + [1, 1, 2])


@pytest.mark.parametrize("turn", [(0, 0, 0), (20, -30, 40)])
def test_the_box_is_as_tight_as_the_voxels_allow(turn):
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", turn, degrees=True).as_matrix() @ np.diag([1, 2, -3])
    mask = np.random.default_rng(0).random((6, 7, 8)) > 0.9
    grid = Grid((8, 7, 6), affine)
    ras = grid.index_to_ras(np.argwhere(mask)[:, ::-1])
    corners = grid.index_to_ras(np.stack(np.meshgrid(*[[-0.5, 0.5]] * 3), axis=-1).reshape(-1, 3)) - affine[:3, 3]
    box = bounding_box(mask, grid)
    assert np.allclose(box.low, ras.min(axis=0) + corners.min(axis=0))
    assert np.allclose(box.high, ras.max(axis=0) + corners.max(axis=0))


def test_voxels_of_another_order_are_clicked_in_the_same_place(make_session, make_ball, volume):
    """The same CT with another orientation: the click is somewhere as deep, so the first ball scores the same."""
    truth = make_ball((11, -5, 8), 20)
    turned = Volume.from_array(volume.array[::-1], volume.ijk_to_ras @ _flip_k(volume), axes="kji")
    one = simulate(make_session(), truth, "liver", LIVER, 1)
    session = make_session()
    session.volume = turned
    other = simulate(session, truth[::-1], "liver", LIVER, 1)
    assert other[0].dice == pytest.approx(one[0].dice, abs=0.02)


def _flip_k(volume: Volume) -> np.ndarray:
    flip = np.diag([1.0, 1, -1, 1])
    flip[2, 3] = volume.shape_ijk[2] - 1
    return flip
