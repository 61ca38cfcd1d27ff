"""Checks this computer, its software and its weights, and shows the result in a message."""

from __future__ import annotations

import json

from slicer.i18n import tr as _


def examineInBackground(workspace) -> None:
    """Examine in the worker; the report, without patient data, is in the details of the message and can be copied."""

    def work(progress):
        from vistaseg.compute import choose_compute
        from vistaseg.doctor import examine

        return examine(choose_compute(), thorough=True, progress=progress)

    def tell(report) -> None:
        level = "error" if report.failed else "info"
        workspace.messages.add(level, report.as_text(), json.dumps(report.as_dict(), indent=1))

    workspace.run(_("Examining this computer"), work, tell)
