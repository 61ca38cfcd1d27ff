"""Moves of several files that happen together, or not at all, whatever ends the process in between.

No system moves several files at once. So a record first says what is about to move, and each file that is there gets a
second name, by which it can be put back. Removing the record is the commit. A process that is killed before that leaves
the record, and the next one that writes or reads there puts everything back as it was. With targets in several folders,
each folder has a record, and that of the first one decides for all.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vistaseg.bounded_json import read_json_file
from vistaseg.errors import UsageError
from vistaseg.io.locks import turn
from vistaseg.io.owner import BEFORE, UNDO, discard, is_left_over, kind_of, own_name
from vistaseg.io.refusals import write_error

_FORMAT = "vistaseg commit"
_HELD = {errno.EACCES, errno.EPERM, errno.EBUSY, getattr(errno, "ETXTBSY", errno.EBUSY)}
_RETRY_SECONDS = (0.05, 0.1, 0.2, 0.4)
"""A scanner for viruses opens a new file for a moment, and Windows and some servers do not replace an open file."""


@dataclass(frozen=True)
class Move:
    """What happens to one target.

    Attributes:
        staged: the complete file or folder that takes its place, in the same folder; None to remove the target.
    """

    target: Path
    staged: Path | None


@dataclass(frozen=True)
class _Step:
    """A move with the second name of what is at its target."""

    target: Path
    staged: Path | None
    before: Path

    def as_dict(self) -> dict[str, Any]:
        new = None if self.staged is None or os.path.lexists(self.target) else identity(self.staged)
        return {"target": self.target.name, "before": self.before.name, "new": new}

    def do(self) -> None:
        try:
            if self.staged is None:
                os.replace(self.target, self.before)
            elif os.path.lexists(self.target):
                self._replace(self.staged)
            else:
                os.replace(self.staged, self.target)
        except OSError as error:
            raise write_error(self.target, error) from error

    def _replace(self, staged: Path) -> None:
        try:
            os.link(self.target, self.before)
        except (OSError, NotImplementedError):
            self._put_aside()
        try:
            replace_patiently(staged, self.target)
        except OSError as error:
            if not _is_held(error, self.target):
                raise
            discard(self.before)
            self._put_aside()
            os.replace(staged, self.target)

    def _put_aside(self) -> None:
        """For disks without hard links; and an open file that cannot be replaced may still be renamed."""
        try:
            replace_patiently(self.target, self.before)
        except OSError as error:
            if not _is_held(error, self.target):
                raise
            raise UsageError(
                f"{self.target} cannot be replaced ({error.strerror}): it is open in another program, or protected. "
                "Close it there, or give another name."
            ) from error


def move_all(moves: Sequence[Move]) -> None:
    """Make all moves, or none.

    Raises:
        UsageError: one was refused, and everything is as it was; or another process does not end.
    """
    steps = [_Step(move.target, move.staged, move.target.with_name(own_name(BEFORE))) for move in moves]
    folders = sorted({step.target.parent for step in steps})
    records = [folder / own_name(UNDO) for folder in folders]
    with ExitStack() as turns:
        for folder in folders:
            turns.enter_context(turn(folder))
            _undo_records(folder)
        begun = False
        try:
            for record in records:
                _write_record(record, records, [step for step in steps if step.target.parent == record.parent])
            begun = True
            for step in steps:
                step.do()
            records[0].unlink()
        except BaseException:
            if records[0].exists():
                _undo(records[0])
            elif begun:  # an interruption right after the step that counts
                _discard_former(steps, records)
            raise
        _discard_former(steps, records)


def _discard_former(steps: Sequence[_Step], records: Sequence[Path]) -> None:
    for path in (*records[1:], *(step.before for step in steps)):
        discard(path)


def move_alone(move: Move) -> bool:
    """Make a move that needs no record; False where the target is open and may only be renamed.

    Raises:
        OSError: it was refused.
    """
    if move.staged is None:
        move.target.unlink(missing_ok=True)
        return True
    try:
        replace_patiently(move.staged, move.target)
    except OSError as error:
        if not _is_held(error, move.target):
            raise
        return False
    return True


def _is_held(error: OSError, path: Path) -> bool:
    """Whether a file may have been refused because a program has it open."""
    return error.errno in _HELD and os.path.lexists(path)


def replace_patiently(source: Path, target: Path) -> None:
    """Replace a file, and try again for a moment while it is open elsewhere.

    Raises:
        OSError: it was refused.
    """
    for seconds in _RETRY_SECONDS:
        try:
            os.replace(source, target)
            return
        except OSError as error:
            if not _is_held(error, target) and not _is_held(error, source):
                raise
            time.sleep(seconds)
    os.replace(source, target)


def tidy(folder: Path) -> None:
    """Put back what an interrupted commit left half done, and remove what processes that have ended left.

    Raises:
        UsageError: something cannot be put back.
    """
    names = _names_in(folder)
    if any(kind_of(name) == UNDO for name in names):
        with turn(folder):
            _undo_records(folder)
    left = [folder / name for name in names if kind_of(name) not in (None, UNDO) and is_left_over(folder / name)]
    # A second look: a record that came meanwhile still needs them.
    needed = any(kind_of(path.name) == BEFORE for path in left) and any(map(_is_record, _names_in(folder)))
    for path in left:
        if not (needed and kind_of(path.name) == BEFORE):
            discard(path)


def recover(folder: Path) -> None:
    """Put back what an interrupted commit left half done, before it is read.

    Where that is not possible, on a read-only disk for one, what is read has to be compared with its hash.
    """
    if any(map(_is_record, _names_in(folder))):
        with contextlib.suppress(UsageError), turn(folder):
            _undo_records(folder)


def _is_record(name: str) -> bool:
    return kind_of(name) == UNDO


def _names_in(folder: Path) -> list[str]:
    """Nothing where the folder is absent, or may be written but not listed."""
    try:
        return os.listdir(folder)
    except OSError:
        return []


def identity(path: Path) -> list[int]:
    """By which a file or folder is known again after a move."""
    found = path.stat()
    return [found.st_size, found.st_mtime_ns]


def _write_record(record: Path, records: Sequence[Path], steps: Sequence[_Step]) -> None:
    """Names alone tell files, so that a record can do nothing outside its folder."""
    others = [str(other) for other in records[1:]] if record == records[0] else []
    content = {
        "format": _FORMAT,
        "version": 1,
        "decided_by": None if record == records[0] else str(records[0]),
        "others": others,
        "steps": [step.as_dict() for step in steps],
    }
    partial = record.with_name(own_name())
    try:
        with partial.open("xb") as file:
            file.write(json.dumps(content).encode("utf-8", "backslashreplace"))
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, record)
    except OSError as error:
        raise write_error(record.parent, error) from error
    finally:
        discard(partial)


def _undo_records(folder: Path) -> None:
    """With the turn in a folder, no record in it belongs to a commit that goes on."""
    for name in _names_in(folder):
        if _is_record(name):
            _undo(folder / name)


def _undo(record: Path) -> None:
    """Put back what a record says, and what those say that it decides for; it goes last.

    Raises:
        UsageError: something cannot be put back.
    """
    content = _read_record(record)
    decider = None if content is None else content["decided_by"]
    if decider is not None and _read_record(Path(decider)) is not None:
        with turn(Path(decider).parent):
            _undo(Path(decider))
        return
    try:
        if content is not None and decider is None:
            _put_back_others(record, content)
            _put_back(record.parent, content["steps"])
        record.unlink(missing_ok=True)
    except OSError as error:
        raise write_error(record.parent, error) from error


def _put_back_others(record: Path, content: dict[str, Any]) -> None:
    for other in map(Path, content["others"]):
        its = _read_record(other)
        if its is not None and its["decided_by"] == str(record):
            _put_back(other.parent, its["steps"])
            other.unlink()


def _put_back(folder: Path, steps: list[dict[str, Any]]) -> None:
    for step in reversed(steps):
        target, before = folder / step["target"], folder / step["before"]
        if os.path.lexists(before):
            replace_patiently(before, target)
            # Two names of one file: then the system does nothing.
            before.unlink(missing_ok=True)
        elif step["new"] is not None and os.path.lexists(target) and identity(target) == step["new"]:
            aside = folder / own_name()
            os.replace(target, aside)
            discard(aside)


def _read_record(path: Path) -> dict[str, Any] | None:
    """None where there is none, or nothing that could have been written here."""
    try:
        content: dict[str, Any] = read_json_file(path) if _is_record(path.name) else {}
        sound = content["format"] == _FORMAT and all(map(_is_sound, content["steps"]))
        return content if sound and {"decided_by", "others"} <= content.keys() else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _is_sound(step: dict[str, Any]) -> bool:
    target, before = step["target"], step["before"]
    return Path(target).name == target and Path(before).name == before and kind_of(before) == BEFORE
