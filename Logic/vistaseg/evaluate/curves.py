"""Scores over clicks, of a structure and on average."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from vistaseg.evaluate.metrics import Scores, area_under_curve
from vistaseg.evaluate.results import CaseResult, StructureResult


@dataclass(frozen=True)
class Curve:
    """Scores after each prompt.

    Attributes:
        name: of the structure, or "mean".
        count: of how many cases, or structures, this is the mean.
        clicks: made by then; 0 after the box alone.
        dice, surface_dice, seconds: one for each of `clicks`.
        automatic: without clicks; None where no model knows the structure.
        confidence: in what is automatic; None where no model says it.
        prompted: combination of prompts → scores of the answers to it, None where no structure takes it.
    """

    name: str
    count: int
    clicks: tuple[int, ...]
    dice: tuple[float, ...]
    surface_dice: tuple[float, ...]
    seconds: tuple[float, ...]
    automatic: Scores | None
    confidence: float | None
    prompted: Mapping[str, Scores | None] = field(default_factory=dict)

    @classmethod
    def of(cls, result: StructureResult) -> Curve:
        """The curve of a structure in a case."""
        columns = zip(*((s.clicks, s.dice, s.surface_dice, s.seconds) for s in result.steps), strict=True)
        clicks, dice, surface_dice, seconds = columns
        prompted = {each.kinds: each.scores for each in result.prompted}
        return cls(result.name, 1, clicks, dice, surface_dice, seconds, result.automatic, result.confidence, prompted)

    @property
    def dice_auc(self) -> float:
        """Area under the Dice from the first click to the last; the box does not count."""
        return area_under_curve(self._clicked(self.dice))

    @property
    def surface_dice_auc(self) -> float:
        """Area under the surface Dice from the first click to the last; the box does not count."""
        return area_under_curve(self._clicked(self.surface_dice))

    @property
    def seconds_a_click(self) -> float:
        """Mean seconds of a click, without the box."""
        return float(np.mean(self._clicked(self.seconds)))

    def _clicked(self, values: Sequence[float]) -> list[float]:
        return [value for number, value in zip(self.clicks, values, strict=True) if number]


def mean_curves(cases: Iterable[CaseResult]) -> list[Curve]:
    """For each structure, in the order in which they appear, the mean over the cases that have it."""
    by_name: dict[str, list[Curve]] = {}
    for result in (result for case in cases for result in case.structures):
        by_name.setdefault(result.name, []).append(Curve.of(result))
    return [mean_curve(name, curves) for name, curves in by_name.items()]


def mean_curve(name: str, curves: Sequence[Curve]) -> Curve:
    """The mean of curves over the same clicks; other means are over the answers that there are."""
    confidences = [curve.confidence for curve in curves if curve.confidence is not None]
    return Curve(
        name,
        len(curves),
        curves[0].clicks,
        _mean([curve.dice for curve in curves]),
        _mean([curve.surface_dice for curve in curves]),
        _mean([curve.seconds for curve in curves]),
        _mean_scores([curve.automatic for curve in curves]),
        float(np.mean(confidences)) if confidences else None,
        {kinds: _mean_scores([curve.prompted[kinds] for curve in curves]) for kinds in curves[0].prompted},
    )


def _mean_scores(scores: Sequence[Scores | None]) -> Scores | None:
    there = [(each.dice, each.surface_dice) for each in scores if each is not None]
    return Scores(*_mean(there)) if there else None


def _mean(rows: Sequence[Sequence[float]]) -> tuple[float, ...]:
    return tuple(np.mean(rows, axis=0).tolist())
