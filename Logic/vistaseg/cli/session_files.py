"""Saved sessions as files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vistaseg.bounded_json import read_json_file
from vistaseg.errors import InputError

if TYPE_CHECKING:
    from vistaseg.session import Session


def read_session(path: Path) -> Any:
    """The values of a saved session.

    Raises:
        InputError: the file is missing or not JSON.
    """
    try:
        return read_json_file(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}): check the path.") from error
    except ValueError as error:
        raise InputError(f"{path} is not a saved session ({error}): choose another file.") from error


def is_session(path: Path) -> bool:
    """Whether a file is a saved session; nothing of the kind where it cannot be read."""
    try:
        document = read_session(path)
    except InputError:
        return False
    return isinstance(document, dict) and str(document.get("format", "")).startswith("vistaseg session")


def session_bytes(session: Session) -> bytes:
    """A session as a JSON file."""
    return json.dumps(session.as_dict()).encode() + b"\n"
