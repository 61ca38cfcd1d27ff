"""Files that are written one after the other and take their places together."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from vistaseg.errors import UsageError
from vistaseg.io.journal import Move, identity, move_all, move_alone, tidy
from vistaseg.io.owner import begin_beating, discard, end_beating, kind_of
from vistaseg.io.refusals import write_error

_CHUNK_BYTES = 1 << 20


class FileSet:
    """Files that are complete, but have not taken their places yet."""

    def __init__(self) -> None:
        self._staged: dict[Path, Path] = {}
        self._removed: list[Path] = []

    def put(self, staged: Path, target: Path) -> None:
        """Let a complete file or folder, which lies beside its target, take its place with the others.

        Raises:
            UsageError: the name differs from another one of the set only by its case, and the disk ignores that.
        """
        self._refuse_twin(staged, target)
        if target in self._staged:
            self._drop(target)
        self._staged[target] = staged
        if kind_of(staged.name) is not None:
            begin_beating(staged)

    def remove(self, path: Path) -> None:
        """Let a file go when the others take their places."""
        self._removed.append(path)

    def sha256(self, target: Path) -> str | None:
        """Hash of the file that will take this place; None where there is none in the set."""
        staged = self._staged.get(Path(os.path.realpath(target)))
        return None if staged is None else sha256_of(staged)

    def take_over(self, other: FileSet) -> None:
        """Take all of another set."""
        for target, staged in other._staged.items():
            self.put(staged, target)
            end_beating(staged)
        self._removed += other._removed
        other._staged.clear()

    def give_up(self) -> None:
        """Remove all that was written."""
        for target in list(self._staged):
            self._drop(target)

    def commit(self) -> None:
        """Let all take their places.

        Raises:
            UsageError: one was refused, and everything is as it was.
        """
        gone = [path for path in dict.fromkeys(self._removed) if path not in self._staged and os.path.lexists(path)]
        moves = [Move(target, staged) for target, staged in self._staged.items()] + [Move(path, None) for path in gone]
        for folder in {move.target.parent for move in moves}:
            tidy(folder)
        for staged in self._staged.values():
            end_beating(staged)
        new = {target: _identity(staged) for target, staged in self._staged.items()}
        try:
            if len(moves) > 1 or (moves and not _move_alone(moves[0])):
                move_all(moves)
        finally:
            # Looked up on the disk, because an interruption may have come right after the last move.
            if new and all(_identity(target) == known for target, known in new.items()):
                _commits.append(None)
            for staged in self._staged.values():
                discard(staged)
            self._staged.clear()

    def _drop(self, target: Path) -> None:
        staged = self._staged.pop(target)
        end_beating(staged)
        discard(staged)

    def _refuse_twin(self, staged: Path, target: Path) -> None:
        for other in self._staged:
            alike = other.parent == target.parent and other.name.casefold() == target.name.casefold()
            if alike and other != target and staged.with_name(staged.name.swapcase()).exists():
                raise UsageError(f"{other} and {target} differ only by their case, which this disk ignores.")


_commits: list[None] = []


def commits() -> int:
    """How many times files took their places in this process."""
    return len(_commits)


def _identity(path: Path) -> list[int] | None:
    try:
        return identity(path)
    except OSError:
        return None


def _move_alone(move: Move) -> bool:
    try:
        return move_alone(move)
    except OSError as error:
        raise write_error(move.target, error) from error


_current: ContextVar[FileSet | None] = ContextVar("files that are written together", default=None)


@contextmanager
def together() -> Iterator[FileSet]:
    """All files that are written in the block, in this thread, take their places when it ends well; else none.

    Within another such block they do so when the outer one ends; where the inner one fails, only its files are lost.

    Raises:
        UsageError: one of them was refused, and everything is as it was.
    """
    outer, files = _current.get(), FileSet()
    token = _current.set(files)
    try:
        yield files
        if outer is None:
            files.commit()
        else:
            outer.take_over(files)
    except BaseException:
        files.give_up()
        raise
    finally:
        _current.reset(token)


@contextmanager
def apart() -> Iterator[None]:
    """What is written in the block takes its place at once, also within a block of `together`."""
    token = _current.set(None)
    try:
        yield
    finally:
        _current.reset(token)


def sha256_of(path: Path) -> str:
    """Hash of a file, hexadecimal.

    Raises:
        OSError: it cannot be read.
    """
    running = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            running.update(chunk)
    return running.hexdigest()
