from __future__ import annotations

import numpy as np
import pytest

from vistaseg.evaluate import GroundTruthStructure, Truth, evaluate_case
from vistaseg.masks.boxed import BoxedMask
from vistaseg.segmentation import Segment, Segmentation
from vistaseg.volume import Volume

LIVER, SPLEEN, RIGHT_KIDNEY, LEFT_KIDNEY = 1, 3, 5, 14


@pytest.fixture
def make_truth(volume: Volume):
    """(name -> (class ids, mask)) -> truth."""

    def make(parts: dict[str, tuple[tuple[int, ...], np.ndarray]]) -> Truth:
        pieces = {n: Segment(n, 1, None, (1, 2, 3), None, BoxedMask.of(mask)) for n, (_, mask) in parts.items()}
        targets = tuple(GroundTruthStructure(name, ids, (pieces[name],)) for name, (ids, _) in parts.items())
        grid = Segmentation(volume.shape_ijk, volume.ijk_to_ras, list(pieces.values()))
        return Truth(grid, volume.orientation, targets)

    return make


def test_each_structure_is_clicked_as_what_the_model_knows(make_session, make_truth, make_ball):
    liver, spleen, kidney, other = (make_ball((r, 0, 0), 8) for r in (-25, -8, 9, 26))
    session = make_session(automatic={LIVER: liver, RIGHT_KIDNEY: kidney, LEFT_KIDNEY: other})
    truth = make_truth({
        "liver": ((LIVER,), liver), "spleen": ((SPLEEN,), spleen),
        "kidney": ((LEFT_KIDNEY, RIGHT_KIDNEY), kidney | other), "lesion": ((), spleen),
    })  # fmt: skip
    results = evaluate_case(session, truth, clicks=2)
    assert [r.name for r in results] == ["liver", "spleen", "kidney", "lesion"]
    assert session.started == {"liver": LIVER, "spleen": None, "kidney": None, "lesion": None}
    assert [r.class_id for r in results] == list(session.started.values())
    assert all(len(r.steps) == 2 for r in results)


def test_zero_shot_sends_no_class_and_still_compares_the_automatic_answer(make_session, make_truth, make_ball):
    liver = make_ball((-25, 0, 0), 8)
    session = make_session(automatic={LIVER: liver})
    truth = make_truth({"liver": ((LIVER,), liver)})
    (result,) = evaluate_case(session, truth, clicks=1, prompts=(("point",),), zero_shot=True)
    assert session.started == {"liver": None, "liver (point)": None}
    assert result.class_id is None
    assert result.automatic is not None and result.automatic.dice == 1.0


def test_the_automatic_answer_is_that_of_all_its_classes(make_session, make_truth, make_ball):
    right, left = make_ball((-20, 0, 0), 10), make_ball((20, 0, 0), 10)
    session = make_session(automatic={RIGHT_KIDNEY: right, LEFT_KIDNEY: left, LIVER: right & False})
    truth = make_truth({
        "kidney": ((LEFT_KIDNEY, RIGHT_KIDNEY), right | left), "right kidney": ((RIGHT_KIDNEY,), left),
        "liver": ((LIVER,), right), "part": ((RIGHT_KIDNEY, SPLEEN), right),
    })  # fmt: skip
    kidney, swapped, liver, part = (r.automatic for r in evaluate_case(session, truth, clicks=1))
    assert kidney is not None and (kidney.dice, kidney.surface_dice) == (1.0, 1.0)
    assert swapped is not None and swapped.dice == 0.0
    assert liver is not None and liver.dice == 0.0
    assert part is None


def test_a_model_that_knows_none_of_it_is_not_asked_for_any(make_session, make_truth, make_ball, monkeypatch):
    session, mask = make_session(), make_ball((0, 0, 0), 10)
    monkeypatch.delattr(type(session), "segment")
    (result,) = evaluate_case(session, make_truth({"liver": ((LIVER,), mask)}), clicks=1)
    assert result.automatic is None and result.class_id is None


def test_the_automatic_answer_is_one_of_everything_the_model_knows(make_session, make_truth, make_ball, monkeypatch):
    """So that the scores of a structure do not depend on which others are compared."""
    liver, spleen = make_ball((-20, 0, 0), 10), make_ball((20, 0, 0), 10)
    session, asked = make_session(automatic={LIVER: liver, SPLEEN: spleen}), []
    answer = session.segment
    monkeypatch.setattr(session, "segment", lambda ids, *more: asked.extend(ids) or answer(ids, *more), raising=False)
    (result,) = evaluate_case(session, make_truth({"liver": ((LIVER,), liver)}), clicks=1)
    assert set(asked) == {LIVER, SPLEEN} and result.automatic is not None and result.automatic.dice == 1.0


def test_clicks_can_correct_what_is_automatic(make_session, make_truth, make_ball):
    liver, spleen = make_ball((-20, 0, 0), 10), make_ball((20, 0, 0), 10)
    session = make_session(automatic={LIVER: liver | spleen})
    truth = make_truth({"liver": ((LIVER,), liver), "lesion": ((), spleen)})
    corrected, clicked = evaluate_case(session, truth, clicks=1, correct=True)
    assert corrected.automatic is not None and corrected.automatic.dice < 0.7
    assert corrected.steps[0].prompt is not None and not corrected.steps[0].prompt.positive
    assert corrected.steps[0].dice > 0.95
    assert clicked.automatic is None and clicked.steps[0].prompt is not None and clicked.steps[0].prompt.positive
