"""The prompts of a segment as a question to a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vistaseg.models.protocol import PromptQuestion
from vistaseg.prompts import Text
from vistaseg.session.history import History
from vistaseg.session.routing import Route


def question_of(chosen: Route, history: History, record: Mapping[str, Any] | None) -> PromptQuestion:
    """The prompts of a segment as a question to a model; the records of other models name the model alone."""
    steps, mask = history.state.steps, history.state.mask
    own = [step.record if step.record["model"] == chosen.model else {"engine": step.record["model"]} for step in steps]
    return PromptQuestion(
        prompts=(*(step.prompt for step in steps), chosen.prompt),
        records=tuple(own),
        class_id=history.class_id,
        mask=mask.unpacked(),
        record=record,
        known_organ=history.known_organ,
        given=not history.state.start.box.empty
        or any(step.record["model"] != chosen.model or isinstance(step.prompt, Text) for step in steps),
    )
