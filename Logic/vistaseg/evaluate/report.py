"""An evaluation as JSON-able values."""

from __future__ import annotations

from typing import Any

from vistaseg.evaluate.curves import Curve
from vistaseg.evaluate.metrics import Scores
from vistaseg.evaluate.results import CaseResult, EvaluatedStep, Prompted, StructureResult


def case_as_dict(case: CaseResult) -> dict[str, Any]:
    """A case: name, notes (sentences) and structures.

    Of each structure: name, class_id (that it was clicked as; null is zero-shot), automatic (dice and surface_dice, or
    null), confidence (of the automatic mask, or null), dice_auc and surface_dice_auc, steps: clicks, dice,
    surface_dice, seconds, peak_bytes of the process, prompt (where and how, in RAS mm, or null) and note; and prompted:
    prompts (a combination), scores (dice and surface_dice, or null), seconds and notes.
    """
    return {
        "name": case.name,
        "notes": list(case.notes),
        "structures": [_structure(result) for result in case.structures],
    }


def curve_as_dict(curve: Curve) -> dict[str, Any]:
    """A mean: name, count (of cases, or of structures), automatic, confidence, the areas, and a list for each measure.

    The lists have a value for each step. prompted has dice and surface_dice, or null, of each combination of prompts.
    """
    return {
        "name": curve.name,
        "count": curve.count,
        **_totals(curve),
        "clicks": list(curve.clicks),
        "dice": list(curve.dice),
        "surface_dice": list(curve.surface_dice),
        "seconds": list(curve.seconds),
        "prompted": {kinds: _scores(scores) for kinds, scores in curve.prompted.items()},
    }


def _structure(result: StructureResult) -> dict[str, Any]:
    return {
        "name": result.name,
        "class_id": result.class_id,
        **_totals(Curve.of(result)),
        "steps": [_step(step) for step in result.steps],
        "prompted": [_prompted(each) for each in result.prompted],
    }


def _prompted(answer: Prompted) -> dict[str, Any]:
    return {
        "prompts": answer.kinds,
        "scores": _scores(answer.scores),
        "seconds": round(answer.seconds, 4),
        "notes": list(answer.notes),
    }


def _totals(curve: Curve) -> dict[str, Any]:
    return {
        "automatic": _scores(curve.automatic),
        "confidence": curve.confidence,
        "dice_auc": curve.dice_auc,
        "surface_dice_auc": curve.surface_dice_auc,
    }


def _scores(scores: Scores | None) -> dict[str, float] | None:
    return None if scores is None else {"dice": scores.dice, "surface_dice": scores.surface_dice}


def _step(step: EvaluatedStep) -> dict[str, Any]:
    return {
        "clicks": step.clicks,
        "dice": step.dice,
        "surface_dice": step.surface_dice,
        "seconds": round(step.seconds, 4),
        "peak_bytes": step.peak_bytes,
        "prompt": None if step.prompt is None else step.prompt.as_dict(),
        "note": step.note,
    }
