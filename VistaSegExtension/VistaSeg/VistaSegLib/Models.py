"""The models that a user chooses between, and what is ready of them on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from slicer.i18n import tr as _

from vistaseg.models.registry import BUILT_IN, PREFERRED, bundled_keys, specs
from vistaseg.weights import WeightsEntry, WeightsState, entry_for, status
from VistaSegLib.Installation import missingPackages

BUNDLED = bundled_keys()


@dataclass(frozen=True)
class Choice:
    """One line of the model selector.

    Attributes:
        title: for people.
        keys: of its models, the preferred first.
    """

    title: str
    keys: tuple[str, ...]


CHOICES = {
    "auto": Choice(_(" and ").join(each.title for each in BUILT_IN if each.key in PREFERRED), PREFERRED),
    **{each.key: Choice(each.title, (each.key,)) for each in BUILT_IN if each.key in PREFERRED},
    "demo": Choice(_("Small bundled models, for trying"), BUNDLED),
}


def choices() -> dict[str, Choice]:
    """All lines of the model selector by their keys; models of other packages, which have to be looked for, last."""
    built_in = {each.key for each in BUILT_IN}
    return CHOICES | {key: Choice(each.title, (key,)) for key, each in specs().items() if key not in built_in}


def known(choice: str) -> str:
    """A choice that a scene was saved with, as far as this version has it."""
    return choice if choice in CHOICES or choice in choices() else "auto"


def _choice(key: str) -> Choice:
    return CHOICES.get(key) or choices()[key]


@lru_cache
def missingWeights(choice: str) -> tuple[WeightsEntry, ...]:
    """What has to be fetched before all models of a choice can be used, the preferred first."""
    entries = [entry_for(key) for key in _choice(choice).keys if key in PREFERRED]
    return tuple(entry for entry in entries if status(entry).state is not WeightsState.INSTALLED)


def readyKeys(choice: str) -> tuple[str, ...]:
    """Keys of the models of a choice that can be used now."""
    if missingPackages():
        return ()
    missing = {entry.model for entry in missingWeights(choice)}
    return tuple(key for key in _choice(choice).keys if key not in missing)


def lookAgain() -> None:
    """Something was installed or removed: look at the disk again at the next call."""
    missingPackages.cache_clear()
    missingWeights.cache_clear()
