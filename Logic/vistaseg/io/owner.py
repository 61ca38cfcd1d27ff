"""Who made an unfinished file: its name tells, so that what a living process uses is left and other litter goes.

Age says nothing of that: a file may wait for hours beside a long computation.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import re
import shutil
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

BEAT_SECONDS = 30.0
STALE_SECONDS = 20 * BEAT_SECONDS
"""Without a beat, after which a process of another host counts as ended."""
FORMER_SECONDS = 86_400.0
"""The same for names of earlier versions, which tell no owner and have no beat."""

PARTIAL, BEFORE, UNDO, LOCK, TURN = "partial", "before", "undo", "lock", "turn"

_MARK = r"(?P<host>[0-9a-f]{8})-(?P<pid>[0-9a-f]{1,8})-(?P<start>[0-9a-z]{1,16})-[0-9a-f]{8}"
_NAME = re.compile(rf"\.vistaseg-{_MARK}\.(?P<kind>partial|before|undo|lock|turn)")
_MARK_ALONE = re.compile(_MARK)
_FORMER = re.compile(r"\.vistaseg-[0-9a-f]{12}\.partial")
_UNKNOWN = "0"


@dataclass(frozen=True)
class Owner:
    """A process.

    Attributes:
        host: a short hash, since names of hosts may hold anything.
        start: when the process started, in the words of the system: a number of a process is given again.
    """

    host: str
    pid: int
    start: str

    @classmethod
    def this_process(cls) -> Owner:
        """The owner of what this process makes."""
        return cls(_this_host(), os.getpid(), _start_of(os.getpid()) or _UNKNOWN)


def new_mark() -> str:
    """A part of a name that no other file has, and that tells this process."""
    owner = Owner.this_process()
    return f"{owner.host}-{owner.pid:x}-{owner.start}-{uuid.uuid4().hex[:8]}"


def own_name(kind: str = PARTIAL) -> str:
    """A name that no other file has, hidden where dots hide."""
    return f".vistaseg-{new_mark()}.{kind}"


def kind_of(name: str) -> str | None:
    """What a name of `own_name` stands for; None for any other."""
    if _FORMER.fullmatch(name):
        return PARTIAL
    found = _NAME.fullmatch(name)
    return None if found is None else found["kind"]


def is_left_over(path: Path) -> bool:
    """Whether the process that made a file with a name of `own_name` has ended."""
    return _has_ended(path, _NAME.fullmatch(path.name))


def is_marked_left_over(path: Path, mark: str) -> bool:
    """Whether the process that made a file has ended; its name has a mark of `new_mark` or of an earlier version."""
    return _has_ended(path, _MARK_ALONE.fullmatch(mark))


def _owner(found: re.Match[str] | None) -> Owner | None:
    return None if found is None else Owner(found["host"], int(found["pid"], 16), found["start"])


def _has_ended(path: Path, found: re.Match[str] | None) -> bool:
    owner = _owner(found)
    if owner is not None and owner.host == _this_host():
        start = _start_of(owner.pid)
        return start is None or _UNKNOWN not in (start, owner.start) and start != owner.start
    try:
        silence = _time_in(path.parent) - path.stat().st_mtime
    except OSError:
        return False
    return silence > (FORMER_SECONDS if owner is None else STALE_SECONDS)


@cache
def _this_host() -> str:
    """Containers may share a name and a folder, and number their processes alike."""
    try:
        processes = os.readlink("/proc/self/ns/pid")
    except OSError:
        processes = ""
    return hashlib.sha256(f"{platform.node()} {processes}".encode()).hexdigest()[:8]


def _start_of(pid: int) -> str | None:
    """When a process started; None where there is none, `_UNKNOWN` where the system does not say."""
    if sys.platform == "linux":
        # In ticks since the system started: unlike a time of the clock, it stays when the clock is set.
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
            return None if fields[0] in "ZX" else fields[19]
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else str(round(process.create_time() * 1000))
    except psutil.NoSuchProcess:
        return None
    except psutil.AccessDenied:
        return _UNKNOWN


def _time_in(folder: Path) -> float:
    """Now, by the clock that dates the files of a folder: that of a server may be another."""
    trial = folder / own_name()
    try:
        trial.touch(exist_ok=False)
        return trial.stat().st_mtime
    except OSError:
        return time.time()
    finally:
        with contextlib.suppress(OSError):
            trial.unlink(missing_ok=True)


class _Heartbeat:
    """Touches files now and then, so that other hosts know their owner to be alive."""

    def __init__(self) -> None:
        self._paths: Counter[Path] = Counter()
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None

    def begin(self, path: Path) -> None:
        with self._guard:
            self._paths[path] += 1
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._beat, name="vistaseg-heartbeat", daemon=True)
                self._thread.start()

    def end(self, path: Path) -> None:
        with self._guard:
            self._paths[path] -= 1
            self._paths += Counter()

    def touch(self) -> bool:
        """Touch all files; False where there are none."""
        with self._guard:
            if not self._paths:
                self._thread = None
            for path in self._paths:
                with contextlib.suppress(OSError):
                    os.utime(path)
            return bool(self._paths)

    def _beat(self) -> None:
        while True:
            time.sleep(BEAT_SECONDS)
            if not self.touch():
                return


_heartbeat = _Heartbeat()


def begin_beating(path: Path) -> None:
    """From now on other hosts see that a file or folder is in use, until `end_beating`."""
    _heartbeat.begin(path)


def end_beating(path: Path) -> None:
    """What `begin_beating` began is over; its time of modification stays as it is."""
    _heartbeat.end(path)


@contextmanager
def kept_alive(path: Path) -> Iterator[None]:
    """While the block lasts, other hosts see that a file or folder is in use."""
    begin_beating(path)
    try:
        yield
    finally:
        end_beating(path)


def discard(path: Path) -> None:
    """Remove an unfinished file or folder; what cannot be removed now is litter for the next run."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        return
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
