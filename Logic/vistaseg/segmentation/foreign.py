"""Files of others in the places where a result goes: they are never overwritten."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from vistaseg.errors import InputError, UsageError
from vistaseg.segmentation.table import FOLDER_TABLE, read_table


def spare_foreign_table(path: Path) -> None:
    """A JSON file of the same name may be another program's, a BIDS sidecar for one.

    Raises:
        UsageError: there is a file, and it is not a table that VistaSeg wrote.
    """
    try:
        ours = not os.path.lexists(path) or read_table(path) is not None
    except InputError:
        ours = False
    if not ours:
        raise _would_be_overwritten(path)


def spare_foreign_files(folder: Path, files: Iterable[str]) -> None:
    """What is in a folder for masks under one of these names has to be of a former result.

    Raises:
        UsageError: a file, or the table of the folder, is another's.
    """
    spare_foreign_table(folder / FOLDER_TABLE)
    own = own_files(folder)
    for file in files:
        if file not in own and os.path.lexists(folder / file):
            raise _would_be_overwritten(folder / file)


def own_files(folder: Path) -> set[str]:
    """Files that the table of a folder names, if it is ours; names that lead elsewhere do not count."""
    try:
        table = read_table(folder / FOLDER_TABLE)
        names = [str(row["file"]) for row in table["segments"]] if table else []
    except (InputError, KeyError, TypeError):
        return set()
    return {name for name in names if Path(name).name == name and name.endswith(".nii.gz")}


def _would_be_overwritten(path: Path) -> UsageError:
    return UsageError(f"{path} would be overwritten, and VistaSeg did not write it: give another name.")
