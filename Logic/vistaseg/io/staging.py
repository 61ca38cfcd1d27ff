"""Several files that are written together, or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vistaseg.errors import UsageError
from vistaseg.segmentation.replacing import check_folder, partial_name, write_error


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """A folder to write into. When the block ends well, what is in it moves to `folder`; otherwise it is removed.

    Raises:
        UsageError: nothing can be written there, or something of the same name is there already.
    """
    check_folder(folder)
    staging = folder / partial_name()
    try:
        staging.mkdir()
        yield staging
        _move_all(staging, folder)
    except OSError as error:
        raise write_error(folder, error) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _move_all(staging: Path, folder: Path) -> None:
    taken = [entry.name for entry in staging.iterdir() if (folder / entry.name).exists()]
    if taken:
        raise UsageError(f"{folder} already has {', '.join(sorted(taken))}: choose another folder.")
    moved: list[Path] = []
    try:
        for entry in sorted(staging.iterdir()):
            os.replace(entry, folder / entry.name)
            moved.append(folder / entry.name)
    except OSError:
        for path in moved:
            os.replace(path, staging / path.name)
        raise
