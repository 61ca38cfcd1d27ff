"""One run at a time in an output folder, and one commit at a time in any folder.

Each process puts a claim of its own into the folder and then looks for those of others: two may give way to each other
and try again, but never do both go on. A file that all try to create would need a way to take it from a dead owner,
which two could do at once; and locks of the system do not hold on every network folder.
"""

from __future__ import annotations

import json
import os
import platform
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

from vistaseg.bounded_json import read_json_file
from vistaseg.errors import UsageError
from vistaseg.io.owner import LOCK, TURN, discard, is_left_over, kept_alive, kind_of, own_name
from vistaseg.io.refusals import write_error

_LOCK_WAIT_SECONDS = 1.0
"""For two that began at the same time and gave way to each other."""
_TURN_WAIT_SECONDS = 60.0

_Claim = tuple[str, Path, str, int]
_held: set[_Claim] = set()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other runs out of an output folder, or from a file to write, while the block lasts.

    What a process that has ended left is taken over. The same thread may lock what it has locked.

    Raises:
        UsageError: another run has it, which the message names, or the folder cannot be written.
    """
    whole = path.is_dir()
    folder = Path(os.path.realpath(path if whole else path.parent))
    with _claimed(LOCK, folder, "" if whole else os.path.normcase(path.name), _LOCK_WAIT_SECONDS, path):
        yield


@contextmanager
def turn(folder: Path) -> Iterator[None]:
    """Wait until no one else commits to a folder, and keep others waiting while the block lasts.

    Raises:
        UsageError: another process does not end, or the folder cannot be written.
    """
    with _claimed(TURN, folder, "", _TURN_WAIT_SECONDS, folder):
        yield


@contextmanager
def _claimed(kind: str, folder: Path, key: str, wait: float, shown: Path) -> Iterator[None]:
    claim = (kind, folder, key, threading.get_ident())
    if claim in _held:
        yield
        return
    try:
        file = _claim(kind, folder, key, wait, shown)
    except OSError as error:
        raise write_error(shown, error) from error
    _held.add(claim)
    try:
        with kept_alive(file):
            yield
    finally:
        _held.discard(claim)
        discard(file)


def _claim(kind: str, folder: Path, key: str, wait: float, shown: Path) -> Path:
    end = time.monotonic() + wait
    content = {"host": platform.node(), "pid": os.getpid(), "since": _now(), "key": key}
    while True:
        own = folder / own_name(kind)
        try:
            with own.open("xb") as file:
                file.write(json.dumps(content).encode())
            other = _other_claim(own, kind, key)
        except BaseException:
            discard(own)
            raise
        if other is None:
            return own
        discard(own)
        if time.monotonic() > end:
            raise UsageError(f"{shown} is in use by {_holder(other)}: wait until it ends, or choose another place.")
        time.sleep(random.uniform(0.01, 0.1))


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def _other_claim(own: Path, kind: str, key: str) -> Path | None:
    """A claim of the same kind, and on the same, of a process that has not ended; those of others are removed."""
    for name in os.listdir(own.parent):
        path = own.with_name(name)
        if name == own.name or kind_of(name) != kind:
            continue
        if is_left_over(path):
            discard(path)
        elif _content(path).get("key", key) == key:
            return path
    return None


def _holder(claim: Path) -> str:
    content = _content(claim)
    process, host, since = (content.get(key, "unknown") for key in ("pid", "host", "since"))
    return f"another run (process {process} on {host}, since {since})"


def _content(claim: Path) -> dict[str, object]:
    """Empty where it cannot be read: it is being written, or was removed meanwhile."""
    try:
        content = read_json_file(claim)
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
