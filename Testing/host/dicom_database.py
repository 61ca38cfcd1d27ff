"""A stand-in for `slicer.dicomDatabase`, as far as the extension uses it: files by UID, series and studies."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

import pydicom


class DicomDatabase:
    """Copies what is inserted, as Slicer's database does; what it was opened with stays where it is.

    Attributes:
        isOpen: as PythonQt has it, a property.
        refuses: whether it takes nothing in, without saying so, as the database does with files that it cannot index.
    """

    def __init__(self, folder: Path, files: Iterable[Path] = ()) -> None:
        self.isOpen, self.refuses = True, False
        self._folder = folder
        self._files: dict[str, tuple[str, str, Path]] = {}
        for file in files:
            self._index(file)

    def insert(self, path: str) -> None:
        if self.refuses:
            return
        self._folder.mkdir(exist_ok=True)
        copy = self._folder / f"{len(self._files)}.dcm"
        shutil.copyfile(path, copy)
        self._index(copy)

    def fileForInstance(self, uid: str) -> str:
        return str(self._files[uid][2]) if uid in self._files else ""

    def seriesForStudy(self, uid: str) -> list[str]:
        return list(dict.fromkeys(series for study, series, _ in self._files.values() if study == uid))

    def filesForSeries(self, uid: str) -> list[str]:
        return [str(file) for _, series, file in self._files.values() if series == uid]

    def _index(self, file: Path) -> None:
        header = pydicom.dcmread(file, stop_before_pixels=True)
        self._files[header.SOPInstanceUID] = header.StudyInstanceUID, header.SeriesInstanceUID, file
