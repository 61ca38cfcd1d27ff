"""Files into Slicer's DICOM database, one at a time, so that the application has time for other things between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import qt

from vistaseg.mrml.dicom_images import open_database

# Each file is read and copied by the main thread.
STEP_MS = 5


class DatabaseInsertion:
    """Inserts files, of which the database keeps copies; goes on when the panel is closed, so that none is left out.

    Args:
        files: SOP instance UID → file.
        onDone: told whether the database has all of them then.
    """

    # Nobody else holds them.
    _running: set[DatabaseInsertion] = set()

    def __init__(self, files: Mapping[str, Path], onDone: Callable[[bool], None]) -> None:
        self._files, self._left, self._onDone = dict(files), list(files.values()), onDone
        self._running.add(self)
        self._timer = qt.QTimer()
        self._timer.interval = STEP_MS
        self._timer.timeout.connect(self._onStep)
        self._timer.start()

    def _onStep(self, *_) -> None:
        database = open_database()
        if database is not None and self._left:
            database.insert(str(self._left.pop(0)))
            return
        self._timer.stop()
        self._running.discard(self)
        self._onDone(database is not None and all(database.fileForInstance(uid) for uid in self._files))
