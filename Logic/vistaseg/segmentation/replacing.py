"""Writing a file so that it is either complete or not there."""

from __future__ import annotations

import contextlib
import errno
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from vistaseg.errors import UsageError

_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A binary file to write, which takes the place of `path` when the block ends well.

    It is written in the same folder under another name. When the block fails, what was at `path` before stays
    as it was and nothing half-written remains.

    Raises:
        UsageError: the file cannot be written; says why.
    """
    temporary = path.with_name(partial_name())
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise write_error(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def check_folder(folder: Path) -> None:
    """Check that a file can be made there, by making one: on a network drive or on Windows permissions do not tell.

    Raises:
        UsageError: the folder is missing or cannot be written.
    """
    if not folder.is_dir():
        raise UsageError(f"The folder {folder} does not exist: create it or choose another.")
    trial = folder / partial_name()
    try:
        trial.touch(exist_ok=False)
        trial.unlink()
    except OSError as error:
        raise write_error(folder, error) from error


def partial_name() -> str:
    """A name for something unfinished that no other file has."""
    return f".vistaseg-{uuid.uuid4().hex[:12]}.partial"


def write_error(path: Path, error: OSError) -> UsageError:
    """The error to raise when writing `path` failed: what happened and what to do."""
    if error.errno in _FULL:
        return UsageError(f"There is no room left to write {path}: free some space or choose another folder.")
    if error.errno in _FORBIDDEN:
        return UsageError(f"{path} cannot be written: no permission. Choose a folder that you may write to.")
    return UsageError(f"{path} cannot be written ({error.strerror or error}). Choose another place.")
