from __future__ import annotations

import numpy as np
import pytest

from vistaseg.errors import UsageError
from vistaseg.evaluate import CaseResult, StructureResult, ask_once, mean_curve, mean_curves, parse_combinations
from vistaseg.evaluate.combinations import patch_middles
from vistaseg.evaluate.metrics import Scores
from vistaseg.evaluate.results import EvaluatedStep, Prompted
from vistaseg.prompts import Point, RegionOfInterest, Text
from vistaseg.volume import Volume

LIVER = 1


@pytest.fixture
def reading_session(make_session, make_ball, monkeypatch):
    """A session that also finds "liver" by its name: a ball around R 20."""

    def make(**options):
        session = make_session(**options)
        add, paint = session.add, make_ball((20, 0, 0), 10)

        def read(prompt, segment, progress=None):
            if not isinstance(prompt, Text):
                return add(prompt, segment, progress)
            if prompt.text != "liver":
                raise UsageError(f"No model knows {prompt.text!r}.")
            session.masks[segment] |= paint
            session.asked.append(prompt)
            return add(RegionOfInterest((100, 100, 100), (101, 101, 101)), segment)

        monkeypatch.setattr(session, "add", read)
        return session

    return make


def test_combinations_are_read_in_any_order() -> None:
    assert parse_combinations("text,point, box , Point+Text,box+text") == (
        ("text",), ("point",), ("box",), ("text", "point"), ("text", "box"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [("lasso", "'lasso' is not a kind"), ("", "'' is not a kind"), ("box,", "'' is not a kind"),
     ("box+box", "twice in 'box+box'"), ("box+text,text+box", "counts once"), ("point,point", "counts once")],
)  # fmt: skip
def test_what_is_no_combination_is_named(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words.replace("+", r"\+")):
        parse_combinations(text)


def test_the_click_is_in_the_middle_and_the_box_around_the_truth(make_session, make_ball) -> None:
    session, truth = make_session(), make_ball((10, -5, 8), 15)
    asked = ask_once(session, truth, "liver", LIVER, ("box", "point"))
    box, click = session.asked
    assert isinstance(box, RegionOfInterest) and isinstance(click, Point)
    assert click.positive and np.allclose(click.ras, (10, -5, 8), atol=4)
    assert np.allclose(np.subtract(box.high, box.low), 30, atol=5)
    assert session.started == {"liver (box+point)": LIVER}
    assert asked.kinds == "box+point"
    assert asked.scores is not None and 0 < asked.scores.dice < 1
    assert asked.notes == ("A ball.",)


def test_the_text_is_the_name_and_comes_first(reading_session, make_ball) -> None:
    session, truth = reading_session(), make_ball((20, 0, 0), 10)
    alone = ask_once(session, truth, "liver", LIVER, ("text",))
    assert session.asked[0] == Text("liver")
    assert alone.scores == Scores(1.0, 1.0)
    ask_once(session, truth, "liver", LIVER, ("text", "point"))
    assert isinstance(session.asked[-2], RegionOfInterest) and isinstance(session.asked[-1], Point)


def test_a_name_that_no_model_knows_makes_the_combination_impossible(reading_session, make_ball) -> None:
    session = reading_session()
    asked = ask_once(session, make_ball((0, 0, 0), 10), "gizzard", None, ("text", "point"))
    assert asked.scores is None
    assert asked.notes == ("No model knows 'gizzard'.",)
    assert not session.asked, "the point alone would be another combination"


def test_a_click_that_is_refused_changes_nothing_and_is_told(make_session, make_ball) -> None:
    session = make_session(refused_from_r=-100.0)
    asked = ask_once(session, make_ball((0, 0, 0), 15), "liver", LIVER, ("point",))
    assert asked.scores == Scores(0.0, 0.0)
    assert asked.notes == ("The click lies outside the body.",)


def test_the_same_is_found_again(make_session, make_ball) -> None:
    truth = make_ball((10, -5, 8), 15)
    one, other = (ask_once(make_session(), truth, "liver", LIVER, ("box", "point")) for _ in range(2))
    assert one.scores == other.scores


def test_the_mean_is_over_the_structures_that_could_be_asked_for() -> None:
    def result(name: str, *dice: float | None) -> StructureResult:
        step = EvaluatedStep(1, 0.5, 0.5, 1.0, 1, None)
        kinds = ("text", "box")
        prompted = tuple(
            Prompted(kind, None if value is None else Scores(value, value / 2), 1.0)
            for kind, value in zip(kinds, dice, strict=True)
        )
        return StructureResult(name, None, (step,), prompted=prompted)

    curves = mean_curves([
        CaseResult("a", (result("liver", 0.9, 0.5), result("lesion", None, 0.2))),
        CaseResult("b", (result("liver", 0.7, 0.7),)),
    ])  # fmt: skip
    liver, lesion = curves
    assert liver.prompted["text"] == Scores(pytest.approx(0.8), pytest.approx(0.4))
    assert lesion.prompted == {"text": None, "box": Scores(0.2, 0.1)}
    mean = mean_curve("mean", curves)
    assert mean.prompted == {"text": liver.prompted["text"], "box": Scores(pytest.approx(0.4), pytest.approx(0.2))}


def test_each_patch_of_a_structure_gets_a_click_in_its_part(make_session) -> None:
    """A bar of 300 mm along S in voxels of 10 mm: two patches of 192 mm, the second with what is left."""
    affine = np.diag([-10.0, -10.0, 10.0, 1.0])
    session = make_session()
    session.volume = Volume.from_array(np.zeros((40, 20, 20), np.int16), affine, axes="kji")
    truth = np.zeros((40, 20, 20), bool)
    truth[5:35, 8:11, 8:11] = True
    first, second = patch_middles(session, truth)
    assert np.allclose(first.ras[:2], (-90, -90)) and np.allclose(second.ras[:2], (-90, -90))
    assert 50 <= first.ras[2] < 240 <= second.ras[2] <= 340
    ask_once(session, truth, "bar", None, ("patches",))
    assert session.asked == [first, second]
