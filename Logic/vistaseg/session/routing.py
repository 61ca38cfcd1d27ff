"""Which model answers a prompt, and why.

Clicks stay with the model that a segment was made by. A box goes to a model that was trained with boxes; without one,
another model answers, with a note for the user. A text is first looked up among the structures: one that a model knows
by class is answered by that model; any other is read by a model that takes texts, in the spelling of its training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vistaseg import catalog
from vistaseg.catalog.words import words_of
from vistaseg.errors import UsageError
from vistaseg.models.protocol import SegmentationModel
from vistaseg.models.registry import require_name, spec
from vistaseg.prompts import Prompt, RegionOfInterest, Text


@dataclass(frozen=True)
class Route:
    """Who answers.

    Attributes:
        model: its key.
        prompt: as the model gets it.
        class_ids: what a text is answered with, by a model that knows classes; else empty.
        why: a sentence for the user, or nothing where it is plain.
    """

    model: str
    prompt: Prompt
    class_ids: tuple[int, ...] = ()
    why: str = ""


def route(prompt: Prompt, models: Sequence[SegmentationModel], wanted: str | None, last: str | None) -> Route:
    """Choose a model.

    Args:
        models: of the session, the preferred first.
        wanted: key of the one that the user asks for, or None.
        last: key of the one that answered the segment's last prompt, or None.

    Raises:
        UsageError: no model takes the prompt, or the one that is wanted does not; a text is a sentence.
    """
    able = [model for model in models if wanted is None or model.identity.key == wanted]
    if isinstance(prompt, Text):
        return _route_text(prompt, able)
    taking = [model for model in able if type(prompt) in model.takes]
    if not taking:
        raise UsageError(f"{_titles(able)} cannot be asked by clicks or boxes. Choose another model.")
    is_box = isinstance(prompt, RegionOfInterest)
    chosen = min(
        taking, key=lambda model: (is_box and RegionOfInterest not in model.trained_with, model.identity.key != last)
    )
    untrained = is_box and RegionOfInterest not in chosen.trained_with
    return Route(chosen.identity.key, prompt, why=_untrained(chosen) if untrained else "")


def _untrained(model: SegmentationModel) -> str:
    """What to say where a model answers boxes that it was not trained with."""
    how = "" if Text in model.takes else " It takes a box as a click in its middle, and keeps nothing outside the box."
    return f"{model.identity.title} was not trained with boxes.{how} SegVol's published weights were."


def surely_meant(text: str) -> catalog.Match | None:
    """What a text means in the catalogue, where that is sure and has a class; a model may still not know it."""
    words = words_of(text)
    likely = (match for match in catalog.find(text) if match.ids)
    return next((match for match in likely if words.same_but_for_typing(words_of(match.matched_text))), None)


def _route_text(prompt: Text, models: Sequence[SegmentationModel]) -> Route:
    require_name(prompt.text)
    found = _by_class(prompt, models) or _by_reading(prompt, models)
    if found is None:
        names = [match.title for match in catalog.find(prompt.text, limit=3) if match.ids]
        nearest = f" The nearest names are {', '.join(names)}." if names else ""
        raise UsageError(
            f'{_titles(models)} knows no "{prompt.text}".{nearest} Choose another name, click on the structure, or use '
            "a model that reads names (SegVol)."
        )
    return found


def _by_class(prompt: Text, models: Sequence[SegmentationModel]) -> Route | None:
    meant = surely_meant(prompt.text)
    ids = () if meant is None else tuple(catalog.expand(meant.ids))
    knowing = next((model for model in models if ids and set(ids) <= set(model.class_ids)), None)
    if meant is None or knowing is None:
        return None
    why = f'"{prompt.text}" was answered by {knowing.identity.title}, which knows {meant.title} by class.'
    return Route(knowing.identity.key, prompt, ids, why)


def _by_reading(prompt: Text, models: Sequence[SegmentationModel]) -> Route | None:
    reading = next((model for model in models if Text in model.takes), None)
    if reading is None:
        return None
    spelled = Text(spec(reading.identity.key).spelling(prompt.text))
    other = "" if spelled == prompt else f', asked for "{spelled.text}", the nearest name of its training'
    others = [model.identity.title for model in models if model.class_ids]
    unknown = f", because {' and '.join(others)} has no class for it" if others else ""
    plain = spelled == prompt and len(models) == 1
    why = "" if plain else f'"{prompt.text}" was read by {reading.identity.title}{other}{unknown}.'
    return Route(reading.identity.key, spelled, (), why)


def _titles(models: Sequence[SegmentationModel]) -> str:
    return " and ".join(model.identity.title for model in models) or "The model asked for, which is not open here,"
