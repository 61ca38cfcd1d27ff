"""Makes the engine, the Python package `vistaseg`, importable: from the source tree or from an installed extension."""

from __future__ import annotations

import sys
from pathlib import Path

_HERE = Path(__file__).resolve().parent
# Installed, the package lies beside the scripted modules; in the source tree, three folders up.
_PLACES = (_HERE.parent / "VistaSegEngine", _HERE.parents[2] / "Logic")


def makeImportable() -> None:
    """Put the engine's folder at the head of Python's path, once: another version may be installed as a package.

    Raises:
        ImportError: the installation is incomplete.
    """
    folder = next((place for place in _PLACES if (place / "vistaseg").is_dir()), None)
    if folder is None:
        raise ImportError(
            f"The engine of VistaSeg is in none of {[str(place) for place in _PLACES]}: install it again."
        )
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
