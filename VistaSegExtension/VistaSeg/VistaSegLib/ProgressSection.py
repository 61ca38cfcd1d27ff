"""What runs: its stage, a bar, the time left, Cancel."""

from __future__ import annotations

from slicer.i18n import tr as _

from VistaSegLib.Ui import loadUi

INDETERMINATE = (0, 0)
IDLE = (0, 1)


class ProgressSection:
    """A bar that is always there, so that nothing moves when work begins."""

    def __init__(self, selection, workspace) -> None:
        self._workspace = workspace
        self.widget, self.ui = loadUi("ProgressSection")
        self.ui.cancelButton.clicked.connect(self._onCancel)
        self.update()

    def update(self) -> None:
        task = self._workspace.task
        self.ui.cancelButton.setEnabled(task is not None)
        if task is None:
            self._show(IDLE, 0, "")
        elif task.report is None:
            self._show(INDETERMINATE, 0, task.title)
        else:
            report = task.report
            self._show((0, max(report.total, 1)), report.done, describe(task.title, report))

    def cleanup(self) -> None:
        """Nothing outlives the widget."""

    def _show(self, bounds: tuple[int, int], done: int, text: str) -> None:
        self.ui.progressBar.setRange(*bounds)
        self.ui.progressBar.setValue(done)
        self.ui.stageLabel.text = text or _("Nothing is running.")

    def _onCancel(self, *_) -> None:
        self._workspace.cancel()


def describe(title: str, report) -> str:
    """One line: what runs, how far it is, how long it will take."""
    parts = [title, _("{stage} {done} of {total}").format(stage=report.stage, done=report.done, total=report.total)]
    if report.seconds_left:
        parts.append(_("{duration} left").format(duration=duration(report.seconds_left)))
    return " · ".join(parts)


def duration(seconds: float) -> str:
    """Seconds below two minutes, else minutes."""
    if seconds < 120:
        return _("{count} s").format(count=max(1, round(seconds)))
    return _("{count} min").format(count=round(seconds / 60))
