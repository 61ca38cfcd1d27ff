"""The application's one workspace, and the timer that keeps it going."""

from __future__ import annotations

import time

import qt
import slicer

from vistaseg.workspace import Workspace

# PythonQt keeps Python's lock while the application waits for events; a sleep lends it to the worker. Half of the time:
# with less, PyTorch takes half a minute to load, and 10 ms go unnoticed.
INTERVAL_MS = 10
LEND_S = 0.01
# A thread that comes out of PyTorch after Python has ended brings the application down. A window of VISTA3D took 40 s
# on two busy processor cores; on a slower machine it may take longer than this.
LONGEST_WAIT_S = 60.0


class Host:
    """Polls a workspace while it is busy, and only then."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._running = False
        self._timer = qt.QTimer()
        self._timer.interval = INTERVAL_MS
        self._timer.timeout.connect(self._onTimeout)
        workspace.listen(self._onChanged)

    def close(self) -> None:
        """Cancel what runs, and wait for the worker to end."""
        self._timer.stop()
        self.workspace.close(LONGEST_WAIT_S)

    def _onChanged(self) -> None:
        if self.workspace.busy and not self._running:
            self._running = True
            self._timer.start()

    def _onTimeout(self, *_) -> None:
        try:
            self.workspace.poll()
        except Exception as error:  # whatever it is, the user has to hear of it, not the console alone
            self.workspace.messages.add_error(error)
        time.sleep(LEND_S)
        if not self.workspace.busy:
            self._running = False
            self._timer.stop()


_host: Host | None = None


def workspace() -> Workspace:
    """The application's workspace, made at the first call."""
    if _host is None:
        use(Workspace(slicer.mrmlScene))
        slicer.app.connect("aboutToQuit()", close)
    assert _host is not None
    return _host.workspace


def use(another: Workspace) -> None:
    """Let everybody use another workspace from now on."""
    global _host
    close()
    _host = Host(another)


def close() -> None:
    """End the workspace, if there is one."""
    global _host
    if _host is not None:
        _host.close()
    _host = None
