"""A call that waits until the application is idle."""

from __future__ import annotations

from collections.abc import Callable

import qt


class Later:
    """Calls a function once for any number of requests.

    Args:
        function: without arguments.
    """

    def __init__(self, function: Callable[[], None]) -> None:
        self._function = function
        self._timer = qt.QTimer()
        self._timer.interval = 0
        self._timer.timeout.connect(self._onTimeout)

    def start(self) -> None:
        """Ask for the call."""
        self._timer.start()

    def stop(self) -> None:
        """Ask for it no longer."""
        self._timer.stop()

    def _onTimeout(self, *_) -> None:
        self._timer.stop()
        self._function()
