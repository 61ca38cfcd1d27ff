"""From answers to masks, and from masks to segments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from vistaseg import catalog
from vistaseg.segmentation import Segment, distinct_color
from vistaseg.session.earlier_rules import RULES
from vistaseg.session.history import History, Step

FIRST_FREE_LABEL = 200
"""Above the ids of the catalogue: labels of structures without a class."""


KNOWN_ORGAN = "known organ"
"""How a structure without a class was clicked on, where it was not as something new."""


def made_segments(
    histories: Mapping[str, History], provenance: Callable[[History], Mapping[str, Any]]
) -> list[Segment]:
    """A segment of each history that has voxels, with what it was made by."""
    taken: set[int] = set()
    return [
        _segment(name, history, _label(history.class_id, taken), provenance(history))
        for name, history in histories.items()
        if not history.state.mask.box.empty
    ]


def _segment(name: str, history: History, label: int, provenance: Mapping[str, Any]) -> Segment:
    structure = None if history.class_id is None else catalog.get(history.class_id)
    state = history.state
    clicked_as = {} if structure is not None or not history.known_organ else {"clicked_as": KNOWN_ORGAN}
    prompts = [_made_by(step) for step in state.steps]
    return Segment(
        name,
        label,
        history.class_id,
        distinct_color(label) if structure is None else structure.color,
        None if structure is None else structure.terminology,
        state.mask.unpacked(),
        {
            **provenance,
            "algorithm_type": "SEMIAUTOMATIC" if "model" in provenance else "MANUAL",
            "prompts": prompts,
            **clicked_as,
        },
    )


def _made_by(step: Step) -> dict[str, Any]:
    """A prompt, its model, and its rules where they are not those of the segment."""
    rules = {RULES: step.record[RULES]} if RULES in step.record else {}
    return {**step.prompt.as_dict(), "model": step.record["model"], **rules}


def _label(class_id: int | None, taken: set[int]) -> int:
    """The class id where it is free, else the first free number above all of them."""
    label = class_id if class_id is not None and class_id not in taken else FIRST_FREE_LABEL
    while label in taken:
        label += 1
    taken.add(label)
    return label
