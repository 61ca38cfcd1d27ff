"""An evaluation as tables for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from vistaseg.evaluate.curves import Curve
from vistaseg.evaluate.metrics import TOLERANCE_MM, Scores

MANY = 10
"""Clicks from which on a table shows some of the columns only."""
SHOWN = (0, 1, 2, 3, 5, 10, 20, 40, 80)
"""Numbers of clicks that it shows then, beside the last."""

Measure = Literal["dice", "surface_dice"]


def score_tables(curves: Sequence[Curve], mean: Curve) -> tuple[Table, Table]:
    """A table of Dice and one of surface Dice: a row a structure, and their mean, a column a number of clicks.

    The one of Dice also has the confidence of the automatic answers, where a model says it.
    """
    return (
        _table("Dice", "dice", curves, mean),
        _table(f"Surface Dice at {TOLERANCE_MM:g} mm", "surface_dice", curves, mean),
    )


def prompt_table(curves: Sequence[Curve], mean: Curve) -> Table:
    """A table of Dice: a row a structure, and their mean, a column a combination of prompts."""
    table = Table(title="Dice by prompts, each given once", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("structure", overflow="fold", min_width=12)
    for header in ("cases", *mean.prompted):
        table.add_column(header, justify="right", no_wrap=True)
    for curve in curves:
        table.add_row(curve.name, str(curve.count), *map(_dice, curve.prompted.values()))
    table.add_section()
    table.add_row(mean.name, "", *map(_dice, mean.prompted.values()), style="bold")
    return table


def _dice(scores: Scores | None) -> str:
    return "-" if scores is None else f"{scores.dice:.3f}"


def _table(title: str, measure: Measure, curves: Sequence[Curve], mean: Curve) -> Table:
    title = f"{title}, automatic and by clicks (area: at most {max(mean.clicks) - 1})"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=0)
    table.add_column("structure", overflow="fold", min_width=12)
    sure = measure == "dice" and mean.confidence is not None
    for header in (
        "cases",
        "auto",
        *(["conf"] if sure else []),
        *(str(mean.clicks[place] or "box") for place in _shown(mean.clicks)),
        "area",
        "s/click",
    ):
        table.add_column(header, justify="right", no_wrap=True)
    for curve in curves:
        table.add_row(Text(curve.name), str(curve.count), *_figures(curve, measure, sure))
    table.add_section()
    table.add_row(mean.name, "", *_figures(mean, measure, sure), style="bold")
    return table


def _figures(curve: Curve, measure: Measure, sure: bool) -> list[str]:
    values = [getattr(curve, measure)[place] for place in _shown(curve.clicks)]
    area: float = getattr(curve, f"{measure}_auc")
    automatic = "-" if curve.automatic is None else f"{getattr(curve.automatic, measure):.3f}"
    confidence = "-" if curve.confidence is None else f"{curve.confidence:.2f}"
    return [
        automatic,
        *([confidence] if sure else []),
        *(f"{value:.3f}" for value in (*values, area)),
        f"{curve.seconds_a_click:.1f}",
    ]


def _shown(clicks: Sequence[int]) -> list[int]:
    """Places of the columns that fit into a table."""
    return [
        place for place, number in enumerate(clicks) if len(clicks) <= MANY or number in SHOWN or number == max(clicks)
    ]
