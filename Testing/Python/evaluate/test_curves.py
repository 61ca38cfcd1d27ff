from __future__ import annotations

import io

import pytest
from PIL import Image
from rich.console import Console

from vistaseg.evaluate import (
    CaseResult,
    Curve,
    EvaluatedStep,
    Scores,
    StructureResult,
    case_as_dict,
    count_falls,
    curve_as_dict,
    mean_curve,
    mean_curves,
    picture_png,
    score_tables,
)
from vistaseg.prompts import Point


def structure(name: str, dice: list[float], automatic: Scores | None = None, box: bool = False) -> StructureResult:
    steps = [
        EvaluatedStep(number, value, value / 2, 0.5 * number, 10**9, Point((1, 2, 3)))
        for number, value in enumerate(dice, start=0 if box else 1)
    ]
    return StructureResult(name, 1, tuple(steps), automatic)


@pytest.fixture
def cases() -> list[CaseResult]:
    return [
        CaseResult("one", (structure("liver", [0.2, 0.4], Scores(0.6, 0.5)), structure("spleen", [1.0, 1.0]))),
        CaseResult("two", (structure("liver", [0.4, 0.8]),)),
    ]


def test_the_mean_of_a_structure_is_over_the_cases_that_have_it(cases):
    liver, spleen = mean_curves(cases)
    assert (liver.name, liver.count, spleen.name, spleen.count) == ("liver", 2, "spleen", 1)
    assert liver.dice == pytest.approx((0.3, 0.6)) and liver.surface_dice == pytest.approx((0.15, 0.3))
    assert liver.seconds == (0.5, 1.0) and liver.seconds_a_click == 0.75
    assert liver.automatic == Scores(0.6, 0.5) and spleen.automatic is None
    assert liver.dice_auc == pytest.approx(0.45) and liver.surface_dice_auc == pytest.approx(0.225)


def test_each_structure_counts_once_in_the_mean_of_all(cases):
    mean = mean_curve("mean", mean_curves(cases))
    assert mean.count == 2 and mean.dice == pytest.approx((0.65, 0.8))
    assert mean.automatic == Scores(0.6, 0.5)


def test_the_box_is_no_click():
    curve = Curve.of(structure("liver", [0.0, 1.0, 1.0, 1.0, 1.0, 1.0], box=True))
    assert curve.clicks == (0, 1, 2, 3, 4, 5)
    assert curve.dice_auc == 4.0 and curve.seconds_a_click == 1.5


def test_the_report_has_every_step_and_prompt():
    case = CaseResult("one", (structure("liver", [0.2, 0.4], Scores(0.6, 0.5)),), ("Thick slices.",))
    report = case_as_dict(case)
    (liver,) = report["structures"]
    assert (report["name"], report["notes"]) == ("one", ["Thick slices."])
    assert liver["automatic"] == {"dice": 0.6, "surface_dice": 0.5} and liver["class_id"] == 1
    assert liver["steps"][1] == {
        "clicks": 2, "dice": 0.4, "surface_dice": 0.2, "seconds": 1.0, "peak_bytes": 10**9,
        "prompt": {"kind": "point", "ras": [1.0, 2.0, 3.0], "positive": True}, "note": "",
    }  # fmt: skip
    assert curve_as_dict(Curve.of(case.structures[0]))["dice"] == [0.2, 0.4]


def test_the_tables_have_a_row_a_structure_and_the_mean(cases):
    curves = mean_curves(cases)
    console = Console(file=io.StringIO(), width=200)
    console.print(*score_tables(curves, mean_curve("mean", curves)), sep="\n")
    text = console.file.getvalue()
    rows = [line.split() for line in text.splitlines()]
    for row in (
        ["structure", "cases", "auto", "1", "2", "area", "s/click"],
        ["liver", "2", "0.600", "0.300", "0.600", "0.450", "0.8"],
        ["spleen", "1", "-", "1.000", "1.000", "1.000", "0.8"],
        ["mean", "0.600", "0.650", "0.800", "0.725", "0.8"],
        ["liver", "2", "0.500", "0.150", "0.300", "0.225", "0.8"],
    ):
        assert row in rows
    assert "Dice, automatic" in text and "Surface Dice at 2 mm" in text and "at most 1" in text


def test_a_narrow_terminal_shows_every_figure_and_name():
    curve = Curve.of(structure("left lung upper lobe", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], Scores(0.7, 0.8), box=True))
    console = Console(file=io.StringIO(), width=80)
    console.print(score_tables([curve], mean_curve("mean", [curve]))[0])
    text = " ".join(console.file.getvalue().split())
    figures = "1 0.700 0.100 0.200 0.300 0.400 0.500 0.600 1.600 1.5"
    assert figures in text
    assert "left lung upper lobe" in text.replace(f"{figures} ", "")


def test_of_many_clicks_a_table_shows_those_that_fit():
    curve = Curve.of(structure("cyst", [n / 100 for n in range(1, 61)]))
    console = Console(file=io.StringIO(), width=100)
    console.print(score_tables([curve], mean_curve("mean", [curve]))[0])
    text = " ".join(console.file.getvalue().split())
    assert "auto 1 2 3 5 10 20 40 60 area" in text
    assert "- 0.010 0.020 0.030 0.050 0.100 0.200 0.400 0.600 17.995" in text


def test_the_picture_grows_with_the_structures_and_takes_any_name():
    few = [Curve.of(structure("$x", [0.1, 0.5], box=True)), Curve.of(structure("_y_{", [0.3, 0.9], box=True))]
    many = [Curve.of(structure(f"structure {n}", [n / 60, 1.0])) for n in range(60)]
    heights = []
    for curves in (few, many):
        with Image.open(io.BytesIO(picture_png(curves, mean_curve("mean", curves), "Model $ 1"))) as picture:
            assert picture.format == "PNG" and picture.width > 1000
            heights.append(picture.height)
    assert heights[1] > 1.5 * heights[0]


def test_each_structure_and_the_mean_change_the_picture(cases):
    curves = mean_curves(cases)
    mean = mean_curve("mean", curves)
    pictures = {picture_png(chosen, mean) for chosen in (curves, curves[:1], curves[1:])}
    assert len(pictures) == 3
    assert picture_png(curves, mean) == picture_png(curves, mean)


def test_falls_are_counted_from_step_to_step_and_from_the_automatic_mask_where_it_was_corrected():
    case = CaseResult(
        "one", (structure("liver", [0.5, 0.6, 0.58, 0.575], Scores(0.7, 0.5)), structure("cyst", [0.9, 0.1]))
    )
    assert count_falls([case], corrected=False) == (2, 4)
    assert count_falls([case], corrected=True) == (3, 5)
