"""Files into Slicer's DICOM database, one at a time, so that the application has time for other things between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import qt

from vistaseg.mrml.dicom_images import open_database, remove_series

# Each file is read and copied by the main thread.
STEP_MS = 5


class DatabaseInsertion:
    """Inserts copies of files into the database: all of them, or none.

    It goes on when the panel is closed. The segmentation and the report go first, as a database more often refuses
    those than images.

    Args:
        files: SOP instance UID → file, in series of their own; the images first.
        onDone: called with how many of them the database then has: all; none, after it refused one; or those that it
            could not be rid of.
    """

    # Nobody else holds them.
    _running: set[DatabaseInsertion] = set()

    def __init__(self, files: Mapping[str, Path], onDone: Callable[[int], None]) -> None:
        self._files, self._left, self._onDone = dict(files), list(files), onDone
        self._running.add(self)
        self._timer = qt.QTimer()
        self._timer.interval = STEP_MS
        self._timer.timeout.connect(self._onStep)
        self._timer.start()

    def _onStep(self, *_) -> None:
        database = open_database()
        if self._left and database is not None:
            uid = self._left.pop()
            database.insert(str(self._files[uid]))
            if database.fileForInstance(uid):
                return
            remove_series(database, self._files)
        self._finish(database)

    def _finish(self, database) -> None:
        self._timer.stop()
        self._running.discard(self)
        if database is None:  # closed meanwhile: its content is unknown
            self._onDone(len(self._files) - len(self._left))
        else:
            self._onDone(sum(bool(database.fileForInstance(uid)) for uid in self._files))
