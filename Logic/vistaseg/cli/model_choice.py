"""Which models a request needs, told before any is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vistaseg.cli.options import Model
from vistaseg.errors import UsageError
from vistaseg.prompts import Text

IN_THE_BOX = ("demo", "segvol-demo")
READING = (Model.SEGVOL, Model.SEGVOL_DEMO)


def models_for(choice: Model, texts: Sequence[Text], boxes: bool = False) -> tuple[str, ...]:
    """Keys of the models for clicks, boxes and texts, the preferred first.

    Args:
        boxes: whether there are any. SegVol's published weights were trained with them, VISTA3D was not.
    """
    if choice is Model.AUTO:
        if not boxes or not _has_segvol():
            return _needed(texts)
        # Clicks after a box stay with the model that answered it.
        return tuple(dict.fromkeys((*(_needed(texts) if texts else ()), Model.SEGVOL.value)))
    if choice is Model.DEMO and texts:
        return IN_THE_BOX
    return (choice.value,)


def require_one_way(prompted: bool, by_class: Sequence[str | None], model: Model) -> None:
    """A request is for classes, or by prompts.

    Args:
        by_class: options that go with classes, None where they were not given.

    Raises:
        UsageError: it is both, or neither is what the model can do.
    """
    if prompted and any(option is not None for option in by_class):
        raise UsageError("--text and --box make segments of their own: leave --classes, --preset and --roi out.")
    if not prompted and model in READING:
        raise UsageError("SegVol has no list of classes: name a structure with --text, or draw a --box around it.")


def models_to_identify(choice: Model) -> tuple[str, ...]:
    """Keys of the models that name what was found: SegVol, unless another one is asked for."""
    if choice is Model.AUTO:
        return (Model.SEGVOL.value,)
    return IN_THE_BOX if choice is Model.DEMO else (choice.value,)


def models_to_replay(choice: Model, document: Any) -> tuple[str, ...]:
    """Keys of the models of a saved session.

    Raises:
        UsageError: it is none, has a model of another version, or not the one that was chosen.
    """
    from vistaseg.session.saved import models_of

    keys = tuple(models_of(document))
    chosen = {Model.AUTO: keys, Model.DEMO: IN_THE_BOX}.get(choice, (choice.value,))
    if not set(keys) <= {model.value for model in Model} - {Model.AUTO.value}:
        raise UsageError(f"The session was saved with {_told(keys)}, which this version does not know.")
    if not set(keys) <= set(chosen):
        raise UsageError(f"The session was saved with {_told(keys)}, not with {choice.value}: leave --model out.")
    return keys


def _has_segvol() -> bool:
    from vistaseg.weights import WeightsState, entry_for, status

    return status(entry_for(Model.SEGVOL.value)).state is WeightsState.INSTALLED


def _needed(texts: Sequence[Text]) -> tuple[str, ...]:
    """VISTA3D for what it has a class for, and where there are only clicks and boxes; SegVol for any other text."""
    from vistaseg.session.routing import surely_meant

    has_class = [surely_meant(text.text) is not None for text in texts]
    needed = {Model.VISTA3D: not texts or any(has_class), Model.SEGVOL: not all(has_class)}
    return tuple(model.value for model, wanted in needed.items() if wanted)


def _told(keys: Sequence[str]) -> str:
    return f"the model{'s' * (len(keys) > 1)} {' and '.join(keys)}"
