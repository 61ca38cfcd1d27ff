"""Prompts that were answered under other rules than today's: each one says so, and so does a new answer to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from vistaseg.masks.packed import PackedMask
from vistaseg.models.protocol import SegmentationModel
from vistaseg.models.recipe import Recipe
from vistaseg.session.engines import Engines
from vistaseg.session.history import Answer, History, Step
from vistaseg.session.saved import restored_segment, saved_segment
from vistaseg.volume import Volume

RULES = "recipe"
"""In the record of a step: `Recipe.as_dict` of its rules; only where they are not those of the loaded model."""


def remembered_segment(name: str, history: History, engines: Engines) -> dict[str, Any]:
    """JSON-able values of one segment and of the rules of each model, for `recalled_segment`."""
    recipes = {model.identity.key: model.identity.recipe.as_dict() for model in engines.models}
    return {**saved_segment(name, history), "recipes": recipes}


def recalled_segment(
    values: Mapping[str, Any], volume: Volume, engines: Engines
) -> tuple[History, PackedMask, tuple[Step, ...]]:
    """An empty history, the mask at the start, and the steps since, those under other rules with these.

    Args:
        values: of `remembered_segment`; rules that are not in it are those of the first versions.

    Raises:
        UsageError, one of `saved.DAMAGE`: it is damaged, of another grid, or of a model that is not loaded.
    """
    _, history, start, steps = restored_segment(values, volume)
    return history, start, tuple(_under_its_rules(step, values.get("recipes"), engines) for step in steps)


def _under_its_rules(step: Step, recipes: Mapping[str, Any] | None, engines: Engines) -> Step:
    key = str(step.record["model"])
    noted = step.record.get(RULES, None if recipes is None else recipes[key])
    record = {name: value for name, value in step.record.items() if name != RULES}
    if _differences(noted, engines.model(key)):
        record[RULES] = noted if noted is not None else Recipe.of(None).as_dict()
    return replace(step, record=record)


def answered_again(answer: Answer, steps: Sequence[Step], engines: Engines) -> Answer:
    """An answer, with a note where prompts were answered again for it that had been answered under other rules.

    Args:
        steps: as they were before.
    """
    changed: dict[str, list[str]] = {}
    for step in steps:
        if RULES in step.record:
            model = engines.model(str(step.record["model"]))
            changed.setdefault(model.identity.title, _differences(step.record[RULES], model))
    if not changed:
        return answer
    rules = "; ".join(f"{title}: {', '.join(names)}" for title, names in changed.items())
    note = (
        f"The prompts that stay were first answered under other rules ({rules}) and have been answered again under "
        "today's: more may have changed than what the prompt taken back had done."
    )
    return replace(answer, note=note)


def _differences(noted: Mapping[str, Any] | None, model: SegmentationModel) -> list[str]:
    """Rules that differ from those of a model, each as it was and is."""
    now = model.identity.recipe
    try:
        was = Recipe.of(noted)
    except ValueError:
        return ["of another version of VistaSeg"]
    return [f"{name} was {getattr(was, name)} and is {getattr(now, name)}" for name in was.differences(now)]
