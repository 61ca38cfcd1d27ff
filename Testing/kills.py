"""Kills between every two file operations of a piece of work, which a trace of them finds; for systems with `fork`."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from counted_files import tell_writes
from writers import Writer

Work = Callable[[], object]

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_EVENTS = {
    "open", "os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.chown", "os.truncate",
    "os.utime", "os.setxattr", "test.fsync", "test.write",
}  # fmt: skip
"""Told before each operation, so that a kill at one comes after all those before it."""


def operations(work: Work, folder: Path) -> list[str]:
    """The operations on files in a folder that a piece of work does, in a process of its own."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _run(work, folder, None, writer)
    os.close(writer)
    with open(reader, encoding="utf-8") as told:
        found = told.read().splitlines()
    _, status = os.waitpid(child, 0)
    assert status == 0, "\n".join(found)
    return found


def kill_at(work: Work, folder: Path, number: int) -> None:
    """Do a piece of work in a process of its own, which is killed just before an operation, counted from 0."""
    child = os.fork()
    if child == 0:
        _run(work, folder, number, None)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, f"it ended by itself, {status}"


def kill_everywhere(writer: Writer, place: Path, first: int, stride: int = 1) -> int:
    """Kill a writer at each operation, or every few, while it writes version 2; the number of kills.

    Afterwards the old version or the new one has to be there, and another run has to give what an undisturbed one does.

    Args:
        place: an empty folder.
        first: the version that is there before; 0 for none.
    """
    before = fresh(place / "before", writer, first)
    clean = shutil.copytree(before, place / "clean")
    steps = operations(lambda: writer.write(clean, 2), clean)
    assert writer.version(clean) == 2
    numbers = moments(steps)[::stride]
    for number in numbers:
        folder = shutil.copytree(before, place / str(number))
        kill_at(lambda folder=folder: writer.write(folder, 2), folder, number)
        at = f"{writer.name}, before operation {number}, {steps[number]}"
        assert writer.version(folder) in (first, 2), at
        writer.write(folder, 2)
        assert writer.version(folder) == 2, at
        assert (folder / "notes.txt").read_text(encoding="utf-8") == "mine", at
        assert files_below(folder) == files_below(clean), at
        shutil.rmtree(folder)
    return len(numbers)


def moments(steps: Sequence[str]) -> list[int]:
    """Numbers of operations; of a run of the same one, such as writes to one file, the first and the last."""
    ends = [0, len(steps) - 1]
    return [n for n, step in enumerate(steps) if n in ends or not steps[n - 1] == step == steps[n + 1]]


def fresh(folder: Path, writer: Writer, first: int) -> Path:
    """A folder with a file of another program, and a former result."""
    folder.mkdir(parents=True)
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    if first:
        writer.write(folder, first)
    return folder


def files_below(folder: Path) -> set[str]:
    """All files and folders in a folder, by their relative paths."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def _run(work: Work, folder: Path, last: int | None, told: int | None) -> NoReturn:
    """In the child, which pytest must not see again."""
    lines: list[str] = []
    try:
        _watch(str(folder), last, lines)
        work()
        code = 0
    except BaseException:
        lines = traceback.format_exc().splitlines()
        code = 1
    if told is not None:
        os.write(told, "\n".join(lines).encode("utf-8", "replace"))
    os._exit(code)


def _watch(folder: str, last: int | None, lines: list[str]) -> None:
    numbers = itertools.count()

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in _EVENTS or (event == "open" and not (arguments[2] or 0) & _WRITING):
            return
        place = os.fsdecode(arguments[0]) if isinstance(arguments[0], (str, bytes, os.PathLike)) else ""
        if os.path.isabs(place) and not place.startswith(folder):
            return
        if next(numbers) == last:
            os.kill(os.getpid(), signal.SIGKILL)
        lines.append(f"{event} {os.path.basename(place)}")

    _tell("fsync", "test.fsync")
    _tell("sendfile", "test.write")
    tell_writes(lambda name: sys.audit("test.write", name))
    sys.addaudithook(hook)


def _tell(function: str, event: str) -> None:
    """Let a function of `os` that takes an open file say so before it goes on."""
    genuine = getattr(os, function)

    def telling(file: int, *values: Any) -> Any:
        sys.audit(event, os.readlink(f"/proc/self/fd/{file}"))
        return genuine(file, *values)

    setattr(os, function, telling)
