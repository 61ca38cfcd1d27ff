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
    as it was and nothing half-written remains. Where `path` is a symbolic link, the file that it leads to is
    replaced and the link stays.

    Raises:
        UsageError: the file cannot be written; says why.
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(partial_name())
    try:
        with temporary.open("xb") as file:
            yield file
            settle(file)
        os.replace(temporary, target)
    except OSError as error:
        raise write_error(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def settle(file: IO[bytes]) -> None:
    """Bring all of a file to the disk, which may find only then that there is no room."""
    file.flush()
    os.fsync(file.fileno())


def check_file_place(path: Path) -> None:
    """Check that a file can be written to `path`, or to where it leads as a symbolic link.

    Raises:
        UsageError: a folder is there, or the file cannot be written.
    """
    try:
        is_folder = path.is_dir()
    except OSError as error:
        raise write_error(path, error) from error
    if is_folder:
        raise UsageError(f"{path} is a folder: give another name.")
    check_folder(Path(os.path.realpath(path)).parent)


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
