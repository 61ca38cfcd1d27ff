"""A stand-in for `slicer.dicomDatabase`, as far as the extension uses it: files by UID, series and studies."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from uuid import uuid4

import pydicom


class DicomDatabase:
    """Copies what is inserted, as Slicer's database does; what it was opened with stays where it is.

    Attributes:
        isOpen: as PythonQt has it, a property.
        refuses: modalities of which it takes nothing in, without saying so, as with files that it cannot index.
    """

    def __init__(self, folder: Path, files: Iterable[Path] = ()) -> None:
        self.isOpen, self.refuses = True, frozenset[str]()
        self._folder = folder
        self._files: dict[str, tuple[str, str, Path]] = {}
        for file in files:
            self._index(file)

    def insert(self, path: str) -> None:
        if pydicom.dcmread(path, stop_before_pixels=True).Modality in self.refuses:
            return
        self._folder.mkdir(exist_ok=True)
        copy = self._folder / f"{uuid4().hex}.dcm"
        shutil.copyfile(path, copy)
        self._index(copy)

    def fileForInstance(self, uid: str) -> str:
        return str(self._files[uid][2]) if uid in self._files else ""

    def seriesForStudy(self, uid: str) -> list[str]:
        return list(dict.fromkeys(series for study, series, _ in self._files.values() if study == uid))

    def filesForSeries(self, uid: str) -> list[str]:
        return [str(file) for _, series, file in self._files.values() if series == uid]

    def removeSeries(self, uid: str) -> bool:
        gone = [key for key, (_, series, _file) in self._files.items() if series == uid]
        for key in gone:
            self._files.pop(key)[2].unlink()
        return bool(gone)

    def _index(self, file: Path) -> None:
        header = pydicom.dcmread(file, stop_before_pixels=True)
        self._files[header.SOPInstanceUID] = header.StudyInstanceUID, header.SeriesInstanceUID, file
