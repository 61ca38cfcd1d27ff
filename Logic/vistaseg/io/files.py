"""Writing a file so that it is either complete or not there."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from vistaseg.errors import UsageError
from vistaseg.io.commit import together
from vistaseg.io.journal import tidy
from vistaseg.io.owner import discard, kept_alive, own_name
from vistaseg.io.refusals import require_name, require_replaceable, write_error

_ACCESS_LIST = "system.posix_acl_access"


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A binary file to write, which takes the place of `path` when the block ends well.

    It is written in the same folder under another name. When the block fails, what was at `path` before stays
    as it was and nothing half-written remains. Where `path` is a symbolic link, the file that it leads to is
    replaced and the link stays. What is replaced keeps its owner, group, mode and access list; a new file gets those
    of the umask and the folder. Within a block of `together`, it takes its place with the others.

    Raises:
        UsageError: the file cannot be written; says why.
    """
    target = _target_of(path)
    staged = target.with_name(own_name())
    try:
        with kept_alive(staged):
            with open(staged, "xb", opener=_private if target.exists() else None) as file:
                yield file
                settle(file)
            _keep_rights(target, staged)
        with together() as files:
            files.put(staged, target)
    except OSError as error:
        discard(staged)
        raise write_error(path, error) from error
    except BaseException:
        discard(staged)
        raise


def write_bytes(path: Path, content: bytes) -> None:
    """Write a whole file, as `replacing` does.

    Raises:
        UsageError: it cannot be written; says why.
    """
    with replacing(path) as file:
        file.write(content)


def settle(file: IO[bytes]) -> None:
    """Bring all of a file to the disk, which may find only then that it is full."""
    file.flush()
    os.fsync(file.fileno())


def check_file_place(path: Path) -> None:
    """Check that a file can be written to `path`, or to where it leads as a symbolic link.

    Raises:
        UsageError: a folder is there, or the file cannot be written or replaced.
    """
    target = _target_of(path)
    check_folder(target.parent)
    _require_place(target)
    if target.exists():
        with _trial(target.parent) as trial:
            _keep_rights(target, trial)


def check_folder(folder: Path) -> None:
    """Check that a file can be made there, by making one: on a network drive or on Windows permissions do not tell.

    What an interrupted run left there is put back or removed.

    Raises:
        UsageError: the folder is missing or cannot be written.
    """
    if not folder.is_dir():
        raise UsageError(f"The folder {folder} does not exist: create it or choose another.")
    with _trial(folder):
        tidy(folder)


@contextmanager
def made_folder(path: Path) -> Iterator[None]:
    """A folder to write into, made if it is not there; what was made is removed again when the block fails.

    Raises:
        UsageError: it cannot be made.
    """
    made = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in made:
        require_name(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(path, error) from error
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            for folder in made:
                folder.rmdir()
        raise


@contextmanager
def _trial(folder: Path) -> Iterator[Path]:
    trial = folder / own_name()
    try:
        trial.touch(exist_ok=False)
        yield trial
    except OSError as error:
        raise write_error(folder, error) from error
    finally:
        discard(trial)


def _target_of(path: Path) -> Path:
    """The file that takes the content: where a symbolic link leads; open pipes have names that lead nowhere."""
    require_name(path)
    _require_place(path)
    target = Path(os.path.realpath(path))
    _require_place(target)
    return target


def _require_place(target: Path) -> None:
    try:
        require_replaceable(target)
    except OSError as error:
        raise write_error(target, error) from error


def _private(path: str, flags: int) -> int:
    """Nobody may read the new content of a file whose old content only some may read."""
    return os.open(path, flags, 0o600)


def _keep_rights(target: Path, staged: Path) -> None:
    """Owner, group, mode and access list of what is replaced, where there is something."""
    if not target.exists():
        return
    found, own = target.stat(), staged.stat()
    if hasattr(os, "chown") and (found.st_uid, found.st_gid) != (own.st_uid, own.st_gid):
        try:
            os.chown(staged, found.st_uid, found.st_gid)
        except PermissionError as error:
            raise UsageError(
                f"{target} belongs to another user or group, and a new file could not: give another name, or remove it "
                "first."
            ) from error
    if hasattr(os, "getxattr") and hasattr(os, "setxattr"):
        with contextlib.suppress(OSError):
            os.setxattr(staged, _ACCESS_LIST, os.getxattr(target, _ACCESS_LIST))
    os.chmod(staged, found.st_mode & 0o7777)
