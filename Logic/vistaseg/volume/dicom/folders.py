"""The one walk over folders: what lies in them, and what could not be reached."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vistaseg.volume.dicom.files import has_mark, is_dicom

_APPLE_DOUBLE = "._"
"""How macOS begins the names of the files that it puts beside each other one on drives of other systems."""


@dataclass(frozen=True)
class FoundFiles:
    """What a walk found, each in the order of its names.

    Attributes:
        files: ordinary ones, each once, whatever links lead to it.
        unreachable: links that lead nowhere, and files and folders that cannot be opened.
        folders: that were not entered, of a walk that does not go deep.
    """

    files: tuple[Path, ...]
    unreachable: tuple[Path, ...] = ()
    folders: tuple[Path, ...] = ()


def walk(places: Path | Iterable[Path], apart_from: Sequence[Path] = (), deep: bool = True) -> FoundFiles:
    """All files of folders and those below them, hidden ones too, and the files among `places`.

    Links are followed, as 3D Slicer follows them. Each folder is entered once, under its own name rather than that of a
    link, and never one that holds the folder where the walk began: so links may form a cycle. macOS's AppleDouble files
    are passed over.

    Args:
        places: a folder, or files and folders.
        apart_from: folders that are not entered.
        deep: whether to enter folders in those of `places`.
    """
    going = _Walk({os.path.realpath(folder) for folder in apart_from}, deep)
    going.start([places] if isinstance(places, Path) else list(places))
    return going.found()


def recognise(found: FoundFiles) -> tuple[dict[Path, bool], tuple[Path, ...]]:
    """Whether each file is DICOM, and what could not be reached, including files that cannot be opened."""
    recognised: dict[Path, bool] = {}
    unreachable = list(found.unreachable)
    for path in found.files:
        try:
            recognised[path] = is_dicom(path)
        except OSError:
            unreachable.append(path)
    return recognised, tuple(sorted(unreachable))


class _Walk:
    def __init__(self, entered: set[str], deep: bool) -> None:
        self._entered = entered
        self._deep = deep
        self._files: dict[str, Path] = {}
        self._unreachable: set[Path] = set()
        self._folders: list[Path] = []
        self._linked: list[Path] = []

    def start(self, places: Sequence[Path]) -> None:
        folders = [place for place in places if place.is_dir()]
        for folder in folders:
            self._entered.update(str(parent) for parent in Path(os.path.realpath(folder)).parents)
        for place in places:
            if place not in folders:
                self._meet(place, place.is_symlink())
        self._enter_all(folders)
        while self._linked:  # only now: what also lies here without a link has its own name
            self._enter_all([self._linked.pop(0)])

    def found(self) -> FoundFiles:
        return FoundFiles(
            tuple(sorted(self._files.values())), tuple(sorted(self._unreachable)), tuple(sorted(self._folders))
        )

    def _enter_all(self, folders: Sequence[Path]) -> None:
        waiting = list(folders)
        while waiting:
            waiting += self._enter(waiting.pop())

    def _enter(self, folder: Path) -> list[Path]:
        """Take the files of a folder; returns the folders in it, without links."""
        real = os.path.realpath(folder)
        if real in self._entered:
            return []
        self._entered.add(real)
        inside: list[Path] = []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    path, is_link = folder / entry.name, entry.is_symlink()
                    if not is_link and entry.is_dir():
                        (inside if self._deep else self._folders).append(path)
                    elif not is_link and entry.is_file():
                        self._take(path, os.path.join(real, entry.name))
                    elif is_link:
                        self._meet(path, is_link)
        except OSError:
            self._unreachable.add(folder)
        return inside

    def _meet(self, path: Path, is_link: bool) -> None:
        """A link, or a file that was given."""
        try:
            mode = path.stat().st_mode
        except OSError:
            if not path.name.startswith(_APPLE_DOUBLE):
                self._unreachable.add(path)
            return
        if stat.S_ISREG(mode):
            self._take(path, os.path.realpath(path))
        elif stat.S_ISDIR(mode) and is_link:
            (self._linked if self._deep else self._folders).append(path)

    def _take(self, path: Path, real: str) -> None:
        if path.name.startswith(_APPLE_DOUBLE) and not _is_marked(path):
            return
        self._files[real] = min(path, self._files.get(real, path))


def _is_marked(path: Path) -> bool:
    try:
        return has_mark(path)
    except OSError:
        return False
