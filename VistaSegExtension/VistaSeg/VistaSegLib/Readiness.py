"""What stands between a choice of models and its use, and how to clear it away."""

from __future__ import annotations

from dataclasses import dataclass

from slicer.i18n import tr as _

from vistaseg.weights import WeightsEntry
from VistaSegLib import Fetching
from VistaSegLib.Installation import missingPackages
from VistaSegLib.Models import missingWeights, readyKeys


@dataclass(frozen=True)
class Readiness:
    """For the line below the model selector.

    Attributes:
        text: rich text.
        obstacle: what has to be done before anything can be segmented, or nothing.
        packages: whether packages have to be installed first.
        entry: weights that can be fetched next.
    """

    text: str
    obstacle: str = ""
    packages: bool = False
    entry: WeightsEntry | None = None


def readinessOf(choice: str) -> Readiness:
    """Look at this machine; nothing heavy is imported."""
    packages = missingPackages()
    if packages:
        text = _("Missing in this Slicer: {packages}.").format(packages=", ".join(packages))
        return Readiness(text, _("Install the missing packages first."), packages=True)
    missing = missingWeights(choice)
    if not missing:
        return Readiness(_ready(choice))
    entry = missing[0]
    if readyKeys(choice):
        return Readiness(_("Ready. ") + Fetching.terms(entry), entry=entry)
    obstacle = _("Fetch {title} first, or choose the small bundled models.").format(title=entry.title)
    return Readiness(Fetching.terms(entry), obstacle, entry=entry)


def _ready(choice: str) -> str:
    if choice == "demo":
        return _("Ready. Trained on few CTs: for trying VistaSeg out, not for reading scans.")
    return _("Ready.")
