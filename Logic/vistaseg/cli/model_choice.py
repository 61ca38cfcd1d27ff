"""Which models the options of a command mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vistaseg.errors import UsageError
from vistaseg.models.registry import PREFERRED, bundled_keys, spec, specs
from vistaseg.pipeline.model_choice import AUTO, DEMO


def require_one_way(prompted: bool, by_class: Sequence[str | None], model: str) -> None:
    """A request is for classes, or by prompts.

    Args:
        by_class: options that go with classes, None where they were not given.

    Raises:
        UsageError: it is both, or neither is what the model can do.
    """
    if prompted and any(option is not None for option in by_class):
        raise UsageError("--text and --box make segments of their own: leave --classes, --preset and --roi out.")
    if not prompted and model != AUTO and not spec(model).class_ids():
        raise UsageError(
            f"{spec(model).title} has no list of classes: name a structure with --text, or draw a --box around it."
        )


def models_to_identify(choice: str) -> tuple[str, ...]:
    """Keys of the models that name what was found: those that read names, unless another one is chosen."""
    if choice == AUTO:
        return tuple(key for key in PREFERRED if spec(key).reads_names)
    return bundled_keys() if choice == DEMO else (choice,)


def models_to_replay(choice: str, document: Any) -> tuple[str, ...]:
    """Keys of the models of a saved session.

    Raises:
        UsageError: it is none, has a model of another version, or not the one that was chosen.
    """
    from vistaseg.session.saved import models_of

    keys = tuple(models_of(document))
    chosen = {AUTO: keys, DEMO: bundled_keys()}.get(choice, (choice,))
    if not set(keys) <= specs().keys():
        raise UsageError(f"The session was saved with {_listed(keys)}, which this version does not know.")
    if not set(keys) <= set(chosen):
        raise UsageError(f"The session was saved with {_listed(keys)}, not with {choice}: leave --model out.")
    return keys


def _listed(keys: Sequence[str]) -> str:
    return f"the model{'s' * (len(keys) > 1)} {' and '.join(keys)}"
