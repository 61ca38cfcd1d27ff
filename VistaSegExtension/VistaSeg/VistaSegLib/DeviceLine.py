"""What the models compute on, in one line; found out by the first work, since to look means to load PyTorch."""

from __future__ import annotations

import sys

from slicer.i18n import tr as _

from VistaSegLib.Estimate import expectedSeconds, learn
from VistaSegLib.Installation import missingPackages
from VistaSegLib.ProgressSection import duration

# From here on a region of interest is worth the trouble.
LONG_S = 60


class DeviceLine:
    """Knows the device once somebody has looked."""

    def __init__(self, workspace) -> None:
        self._workspace = workspace
        self._device = ""

    @property
    def known(self) -> bool:
        return bool(self._device)

    def look(self) -> None:
        """Load PyTorch in the worker, and look."""
        self._workspace.run(_("Looking for a GPU"), lambda progress: _describe(), self._setDevice)

    def update(self) -> None:
        """Look for free once the first work has loaded PyTorch, and learn how fast it is."""
        task = self._workspace.task
        if task is None and not self.known and "torch" in sys.modules and not missingPackages():
            self._device = _describe()
        if task is not None and task.report is not None and self._workspace.models:
            learn(self._workspace.models[0], task.report)

    def text(self, volumeNode) -> str:
        """For the user."""
        if not self.known:
            return _("Device: not looked at yet")
        if not self._device.startswith("CPU") or volumeNode is None or not self._workspace.models:
            return self._device
        seconds = expectedSeconds(volumeNode, self._workspace.models[0])
        if not seconds:
            return self._device
        advice = _(": draw a region") if seconds > LONG_S else ""
        return _("{device}, about {duration} for this volume{advice}").format(
            device=self._device, duration=duration(seconds), advice=advice
        )

    def _setDevice(self, device: str) -> None:
        self._device = device


def _describe() -> str:
    from vistaseg.compute import choose_compute, describe_device

    return describe_device(choose_compute().device)
