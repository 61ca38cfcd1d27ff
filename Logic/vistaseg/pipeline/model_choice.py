"""Which models a request needs, known before any is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vistaseg.models.registry import PREFERRED, bundled_keys, spec

if TYPE_CHECKING:
    from vistaseg.prompts import Text

AUTO = "auto"
"""The choice of the models that a request needs."""
DEMO = "demo"
"""The choice of all bundled models, and the key of the one among them that knows classes."""


def models_for(choice: str, texts: Sequence[Text], boxes: bool = False) -> tuple[str, ...]:
    """Keys of the models for clicks, boxes and texts, the preferred first.

    Args:
        boxes: whether there are any; a model that was trained with them answers them where it is installed.
    """
    if choice == AUTO:
        trained = next((key for key in PREFERRED if spec(key).box_trained), None)
        if not boxes or trained is None or not _is_installed(trained):
            return _needed(texts)
        # Clicks after a box stay with the model that answered it.
        return tuple(dict.fromkeys((*(_needed(texts) if texts else ()), trained)))
    if choice == DEMO and texts:
        return bundled_keys()
    return (choice,)


def _is_installed(key: str) -> bool:
    from vistaseg.weights import WeightsState, entry_for, status

    return status(entry_for(key)).state is WeightsState.INSTALLED


def _needed(texts: Sequence[Text]) -> tuple[str, ...]:
    """One with classes for what has a class, and for clicks and boxes alone; one that reads names for other texts."""
    from vistaseg.session.routing import surely_meant

    has_class = [surely_meant(text.text) is not None for text in texts]
    by_class, by_reading = not texts or any(has_class), not all(has_class)
    return tuple(key for key in PREFERRED if (by_reading if spec(key).reads_names else by_class))
