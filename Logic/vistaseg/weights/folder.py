"""Where weights are kept on this machine, and the one way to write there."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vistaseg.bounded_json import read_json_file
from vistaseg.errors import WeightsError

HOME_VARIABLE = "VISTASEG_HOME"


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


def unfinished_folders(key: str) -> list[Path]:
    """Folders of runs that did not end, and of those that run now."""
    kept = download_folder(key)
    return [kept, *sorted(kept.parent.glob(f"{kept.name}.*"))]


@contextmanager
def staging(key: str) -> Iterator[Path]:
    """A folder that no other run uses, for a file on its way into the store, removed at the end.

    It is on the same disk as the store, so that the last step is a rename.

    Raises:
        WeightsError: it cannot be made, or what the disk refuses in the block.
    """
    kept = download_folder(key)
    folder = kept.with_name(f"{kept.name}.{_own_mark()}")
    try:
        with writing_to(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _own_mark() -> str:
    return f"{os.getpid()}-{uuid.uuid4().hex[:8]}"


@contextmanager
def writing_to(folder: Path) -> Iterator[Path]:
    """Make `folder` if needed; what the disk refuses in the block becomes a WeightsError with a way out."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
    except OSError as error:
        raise WeightsError(
            f"Cannot write the weights to {folder}: {error.strerror or error}. Free or unlock that folder, "
            f"or name another one in the environment variable {HOME_VARIABLE}."
        ) from error


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a small JSON file so that a reader sees the old one or the new one, never half of it."""
    temporary = path.with_name(f"{path.name}.{_own_mark()}.tmp")
    try:
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def read_json(path: Path) -> dict[str, Any] | None:
    """Content of a JSON file, or None where there is no readable one."""
    try:
        content = read_json_file(path)
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None
