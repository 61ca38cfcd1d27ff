"""What is known of an installed file, so that 872 MB are hashed once and not at each start."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

from vistaseg.weights.folder import read_json, write_json

Progress = Callable[[int, "int | None"], None]
"""Called with the bytes done and the bytes in all (None: not known); may raise CancelledError."""

RECORD_FILE = "record.json"
_CHUNK_BYTES = 4 << 20


@dataclass(frozen=True)
class FileRecord:
    """An installed file when it was last hashed.

    Attributes:
        source: "download" or "user" (who brought the file).
        revision: of the published repository that a download came from; empty where it is not known.
    """

    file: str
    sha256: str
    size: int
    mtime_ns: int
    source: str
    origin: str
    date: str
    revision: str = ""

    def describes(self, path: Path) -> bool:
        """Whether size and modification time of `path` are still those of the record."""
        found = path.stat()
        return (found.st_size, found.st_mtime_ns) == (self.size, self.mtime_ns)


_KINDS = {
    "file": str,
    "sha256": str,
    "size": int,
    "mtime_ns": int,
    "source": str,
    "origin": str,
    "date": str,
    "revision": str,
}


def make_record(path: Path, sha256: str, source: str, origin: str, revision: str = "") -> FileRecord:
    """Record of the file at `path`, whose hash is known."""
    found = path.stat()
    date = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return FileRecord(path.name, sha256, found.st_size, found.st_mtime_ns, source, origin, date, revision)


def read_record(folder: Path) -> FileRecord | None:
    """The record in `folder`; None where there is none that can be understood."""
    content = read_json(folder / RECORD_FILE)
    if content is None:
        return None
    # Earlier versions wrote no revision.
    content = {"revision": ""} | content
    if content.keys() != _KINDS.keys():
        return None
    sound = all(type(content[name]) is kind for name, kind in _KINDS.items())
    return FileRecord(**content) if sound else None


def write_record(folder: Path, record: FileRecord) -> None:
    """Replace the record in `folder`."""
    write_json(folder / RECORD_FILE, asdict(record))


def file_digests(path: Path, algorithms: Iterable[str], progress: Progress | None = None) -> dict[str, str]:
    """Hexadecimal digests of a file, by algorithm, in one pass over it."""
    hashes = {name: hashlib.new(name, usedforsecurity=False) for name in algorithms}
    total, done = path.stat().st_size, 0
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            for running in hashes.values():
                running.update(chunk)
            done += len(chunk)
            if progress is not None:
                progress(done, total)
    return {name: running.hexdigest() for name, running in hashes.items()}
