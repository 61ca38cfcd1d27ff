"""The models that a user chooses between, and what is ready of them on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from slicer.i18n import tr as _

from vistaseg.weights import WeightsEntry, WeightsState, entry_for, status
from VistaSegLib.Installation import missingPackages

IN_THE_BOX = ("demo", "segvol-demo")


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
    "auto": Choice(_("VISTA3D and SegVol"), ("vista3d", "segvol")),
    "vista3d": Choice(_("VISTA3D"), ("vista3d",)),
    "segvol": Choice(_("SegVol"), ("segvol",)),
    "demo": Choice(_("Small models in the box, for trying"), IN_THE_BOX),
}


def known(choice: str) -> str:
    """A choice that a scene was saved with, as far as this version has it."""
    return choice if choice in CHOICES else "auto"


@lru_cache
def missingWeights(choice: str) -> tuple[WeightsEntry, ...]:
    """What has to be fetched before all models of a choice can be used, the preferred first."""
    entries = [entry_for(key) for key in CHOICES[choice].keys if key not in IN_THE_BOX]
    return tuple(entry for entry in entries if status(entry).state is not WeightsState.INSTALLED)


def readyKeys(choice: str) -> tuple[str, ...]:
    """Keys of the models of a choice that can be used now."""
    if missingPackages():
        return ()
    missing = {entry.model for entry in missingWeights(choice)}
    return tuple(key for key in CHOICES[choice].keys if key not in missing)


def lookAgain() -> None:
    """Something was installed or removed: look at the disk again when asked next."""
    missingPackages.cache_clear()
    missingWeights.cache_clear()
