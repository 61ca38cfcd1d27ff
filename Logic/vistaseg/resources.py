"""Where the data files of the project lie: inside an installed package, or beside `Logic/` in a source tree."""

from __future__ import annotations

from pathlib import Path

_PACKAGE_FOLDER = Path(__file__).resolve().parent


def resource_path(name: str) -> Path:
    """Path of a file or folder of `Resources/`, given relative to it.

    Raises:
        FileNotFoundError: the installation is incomplete.
    """
    for folder in (_PACKAGE_FOLDER / "resources", _PACKAGE_FOLDER.parent.parent / "Resources"):
        if (folder / name).exists():
            return folder / name
    raise FileNotFoundError(f"The data file {name!r} of VistaSeg is missing: install the package again.")
