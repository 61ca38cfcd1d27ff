"""The models that a user chooses between, and what is ready of them on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from slicer.i18n import tr as _

from vistaseg.models.registry import PREFERRED, bundled_keys, spec, specs
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


def choices() -> dict[str, Choice]:
    """The lines of the model selector by their keys, in order: the models of other packages have one each."""
    return {
        "auto": Choice(_(" and ").join(spec(key).title for key in PREFERRED), PREFERRED),
        **{key: Choice(each.title, (key,)) for key, each in specs().items() if key not in BUNDLED},
        "demo": Choice(_("Small bundled models, for trying"), BUNDLED),
    }


def known(choice: str) -> str:
    """A choice that a scene was saved with, as far as this version has it."""
    return choice if choice in choices() else "auto"


@lru_cache
def missingWeights(choice: str) -> tuple[WeightsEntry, ...]:
    """What has to be fetched before all models of a choice can be used, the preferred first."""
    entries = [entry_for(key) for key in choices()[choice].keys if key in PREFERRED]
    return tuple(entry for entry in entries if status(entry).state is not WeightsState.INSTALLED)


def readyKeys(choice: str) -> tuple[str, ...]:
    """Keys of the models of a choice that can be used now."""
    if missingPackages():
        return ()
    missing = {entry.model for entry in missingWeights(choice)}
    return tuple(key for key in choices()[choice].keys if key not in missing)


def lookAgain() -> None:
    """Something was installed or removed: look at the disk again when asked next."""
    missingPackages.cache_clear()
    missingWeights.cache_clear()
