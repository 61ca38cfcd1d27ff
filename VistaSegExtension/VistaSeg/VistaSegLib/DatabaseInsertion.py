"""Files into Slicer's DICOM database, one at a time, so that the application has time for other things between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import qt

from vistaseg.mrml.dicom_images import open_database

# Each file is read and copied by the main thread.
STEP_MS = 5


class DatabaseInsertion:
    """Inserts files; the database copies them.

    Args:
        files: SOP instance UID → file.
        onDone: told whether the database has all of them then.

    Attributes:
        busy: whether it is still at it.
    """

    def __init__(self, files: Mapping[str, Path], onDone: Callable[[bool], None]) -> None:
        self._files, self._left, self._onDone = dict(files), list(files.values()), onDone
        self.busy = True
        self._timer = qt.QTimer()
        self._timer.interval = STEP_MS
        self._timer.timeout.connect(self._onStep)
        self._timer.start()

    def stop(self) -> None:
        """Insert no more, and tell nobody."""
        self.busy = False
        self._timer.stop()

    def _onStep(self, *_) -> None:
        database = open_database()
        if database is not None and self._left:
            database.insert(str(self._left.pop(0)))
            return
        self.stop()
        self._onDone(database is not None and all(database.fileForInstance(uid) for uid in self._files))
