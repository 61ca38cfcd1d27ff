"""Where weights are kept on this machine, and the one way to write there."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vistaseg.bounded_json import read_json_file
from vistaseg.errors import UsageError, WeightsError

HOME_VARIABLE = "VISTASEG_HOME"
_MARK = re.compile(r"[0-9a-f]{8}-[0-9a-f]+-[0-9a-z]+-[0-9a-f]{8}|[0-9]+-[0-9a-f]{8}")
"""The end of the name of such a folder; the second form is that of earlier versions."""


def data_folder() -> Path:
    """The user's data folder of the project; the environment variable VISTASEG_HOME moves it."""
    home = os.environ.get(HOME_VARIABLE)
    if home:
        return Path(home).expanduser()
    from platformdirs import user_data_path

    return user_data_path("VistaSeg", appauthor=False)


def weights_folder(key: str) -> Path:
    """Folder of one manifest entry: its weights, their record and the acceptance of their license."""
    return data_folder() / "weights" / key


def download_folder(key: str) -> Path:
    """Folder for a download: the same in every run, so that one that broke off is resumed."""
    return data_folder() / "weights" / f".incoming-{key}"


def discard_left_over() -> None:
    """Remove what runs left that were ended while they brought a file; a download that can be resumed stays."""
    for folder in (data_folder() / "weights").glob(".incoming-*.*"):
        mark = folder.name.rpartition(".")[2]
        if _MARK.fullmatch(mark):
            from vistaseg.io.owner import discard, is_marked_left_over

            if is_marked_left_over(folder, mark):
                discard(folder)


@contextmanager
def staging(key: str) -> Iterator[Path]:
    """A folder that no other run uses, for a file on its way into the store, removed at the end.

    It is on the same disk as the store, so that the last step is a rename.

    Raises:
        WeightsError: it cannot be made, or what the disk refuses in the block.
    """
    from vistaseg.io.owner import discard, kept_alive, new_mark

    discard_left_over()
    kept = download_folder(key)
    folder = kept.with_name(f"{kept.name}.{new_mark()}")
    try:
        with writing_to(folder), kept_alive(folder):
            yield folder
    finally:
        discard(folder)


@contextmanager
def writing_to(folder: Path) -> Iterator[Path]:
    """Make `folder` if needed; what the disk refuses in the block becomes a WeightsError with a way out."""
    from vistaseg.io import write_error

    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
    except (OSError, UsageError) as error:
        cause = error if isinstance(error, OSError) else error.__cause__
        if not isinstance(cause, OSError):
            raise
        raise WeightsError(
            f"{write_error(folder, cause)} Another folder for weights is named in the environment variable "
            f"{HOME_VARIABLE}."
        ) from error


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a small JSON file so that a reader sees the old one or the new one, never half of it.

    Raises:
        UsageError: it cannot be written.
    """
    from vistaseg.io import write_bytes

    write_bytes(path, (json.dumps(content, indent=2) + "\n").encode())


def read_json(path: Path) -> dict[str, Any] | None:
    """Content of a JSON file, or None if it is missing or unreadable."""
    try:
        content = read_json_file(path)
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None
