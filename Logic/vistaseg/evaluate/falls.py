"""How often a click does harm."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

from vistaseg.evaluate.results import CaseResult, StructureResult

TOLERANCE = 0.01
"""Dice that may be lost without counting as a fall."""


def count_falls(cases: Iterable[CaseResult], corrected: bool) -> tuple[int, int]:
    """How many steps from click to click lost more Dice than `TOLERANCE`, and how many steps there were.

    Args:
        corrected: whether the first click was made on the automatic mask, which then counts as the one before.
    """
    changes = [
        after - before for case in cases for result in case.structures for before, after in _steps(result, corrected)
    ]
    return sum(change < -TOLERANCE for change in changes), len(changes)


def _steps(result: StructureResult, corrected: bool) -> Iterator[tuple[float, float]]:
    start = [result.automatic.dice] if corrected and result.automatic is not None else []
    return pairwise([*start, *(step.dice for step in result.steps)])
