"""A scan before a model, for the commands that prompt."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from vistaseg.cli.progress_bar import ProgressBar
from vistaseg.cli.run import check_weights
from vistaseg.errors import CancelledError

if TYPE_CHECKING:
    from vistaseg.session import Session


@contextmanager
def open_session(scan: Path, model: str, device: str, precision: str, document: Any = None) -> Iterator[Session]:
    """A session about a scan, or a saved one done again; what happens in it is told on standard error.

    Raises:
        VistaSegError: the scan or the model cannot be used.
    """
    from vistaseg.volume import check_ct, read_volume

    try:
        check_weights(model)
        volume = read_volume(scan)
        for warning in check_ct(volume):
            typer.echo(f"Warning: {warning}", err=True)
        # Only now: torch takes seconds to import, and a file that cannot be read is said sooner without it.
        from vistaseg.compute import choose_compute, describe_device, memory_guard
        from vistaseg.models.registry import load_model
        from vistaseg.session import Session

        compute = choose_compute(device, precision)
        loaded = load_model(model, compute, keep_bytes=0)
        typer.echo(f"{loaded.identity.title} on {describe_device(compute.device)}, {compute.precision}.", err=True)
        if loaded.notice:
            typer.echo(loaded.notice, err=True)
        with memory_guard("the segmentation"):
            if document is None:
                yield Session(volume, loaded)
                return
            with ProgressBar() as progress:
                session = Session.replay(volume, [loaded], document, progress)
            yield session
    except KeyboardInterrupt as error:
        raise CancelledError("Interrupted: nothing was written.") from error
