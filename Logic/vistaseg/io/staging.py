"""A folder of files that are written by others, and take their places together."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vistaseg.errors import UsageError
from vistaseg.io.commit import apart, together
from vistaseg.io.files import check_folder
from vistaseg.io.owner import discard, kept_alive, own_name
from vistaseg.io.refusals import write_error


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """A folder to write into. When the block ends well, what is in it moves to `folder`; otherwise it is removed.

    Raises:
        UsageError: nothing can be written there, or something of the same name is there already.
    """
    check_folder(folder)
    staging = folder / own_name()
    try:
        staging.mkdir()
        with kept_alive(staging), apart():
            yield staging
        _move_all(staging, folder)
    except OSError as error:
        raise write_error(folder, error) from error
    finally:
        discard(staging)


def _move_all(staging: Path, folder: Path) -> None:
    taken = [entry.name for entry in staging.iterdir() if os.path.lexists(folder / entry.name)]
    if taken:
        raise UsageError(f"{folder} already has {', '.join(sorted(taken))}: choose another folder.")
    with together() as files:
        for entry in sorted(staging.iterdir()):
            beside = folder / own_name()
            os.replace(entry, beside)
            files.put(beside, folder / entry.name)
