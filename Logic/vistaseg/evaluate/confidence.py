"""Whether the confidence of automatic masks says how good they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from vistaseg.evaluate.results import CaseResult
from vistaseg.segmentation.confidence import LOW_CONFIDENCE

POOR_DICE = 0.7
"""A mask below this wants correction; what the mark of low confidence is meant to find."""


@dataclass(frozen=True)
class Agreement:
    """Confidence against Dice, over automatic masks that have both.

    Attributes:
        masks: how many there are.
        rank_correlation: Spearman's; None where one of the two does not differ.
        roc_area: how often a mask that is not poor has the higher confidence of a pair with a poor one, ties half;
            None without such pairs.
        poor, poor_marked: masks below `POOR_DICE`, and those of them whose confidence is low.
        good_marked: of the others.
    """

    masks: int
    rank_correlation: float | None
    roc_area: float | None
    poor: int
    poor_marked: int
    good_marked: int


def confidence_agreement(cases: Iterable[CaseResult]) -> Agreement:
    """Compare the confidence of every automatic mask with its Dice."""
    pairs = [
        (result.confidence, result.automatic.dice)
        for case in cases
        for result in case.structures
        if result.confidence is not None and result.automatic is not None
    ]
    return agreement(*np.reshape(np.array(pairs, dtype=float), (-1, 2)).T)


def agreement(confidence: np.ndarray, dice: np.ndarray) -> Agreement:
    """Compare confidences, or whatever else ranks masks, with Dice; (masks,) each."""
    poor, marked = dice < POOR_DICE, confidence < LOW_CONFIDENCE
    return Agreement(
        len(dice),
        _rank_correlation(confidence, dice),
        _roc_area(confidence[poor], confidence[~poor]),
        int(poor.sum()),
        int((poor & marked).sum()),
        int((~poor & marked).sum()),
    )


def _rank_correlation(one: np.ndarray, other: np.ndarray) -> float | None:
    if np.unique(one).size < 2 or np.unique(other).size < 2:
        return None
    from scipy.stats import rankdata

    return float(np.corrcoef(rankdata(one), rankdata(other))[0, 1])


def _roc_area(poor: np.ndarray, good: np.ndarray) -> float | None:
    """Mann and Whitney's U over the number of pairs."""
    if not poor.size or not good.size:
        return None
    difference = good[:, None] - poor
    return float((difference > 0).mean() + (difference == 0).mean() / 2)
