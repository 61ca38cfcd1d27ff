"""Messages and progress of a run on standard error."""

from __future__ import annotations

from contextlib import AbstractContextManager

from vistaseg.cli.console import echo, warn
from vistaseg.cli.progress_bar import ProgressBar
from vistaseg.progress import Progress


class ConsoleReporter:
    """A `vistaseg.pipeline.reporter.Reporter` on standard error."""

    def warn(self, text: str) -> None:
        """A doubt."""
        warn(text)

    def tell(self, text: str) -> None:
        """What happens."""
        echo(text, err=True)

    def progress(self) -> AbstractContextManager[Progress]:
        """A progress bar."""
        return ProgressBar()
