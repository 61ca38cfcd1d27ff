"""A scan before its models: checked, read, loaded, and told on standard error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from vistaseg.cli.model_choice import IN_THE_BOX
from vistaseg.cli.progress_bar import ProgressBar
from vistaseg.errors import CancelledError

if TYPE_CHECKING:
    from vistaseg.models.protocol import SegmentationModel
    from vistaseg.session import Session
    from vistaseg.volume import Volume


@contextmanager
def open_session(
    scan: Path, models: Sequence[str], device: str, precision: str, document: Any = None, keep: bool = False
) -> Iterator[Session]:
    """A session about a scan, or a saved one done again; what happens in it is told on standard error.

    Args:
        models: their keys, the preferred first.
        keep: let VISTA3D keep its features, because several questions are to come.

    Raises:
        VistaSegError: the scan or a model cannot be used.
    """
    try:
        check_weights(models)
        volume, _ = read_scan(scan)
        # Only now: torch takes seconds to import, and a file that cannot be read is said sooner without it.
        from vistaseg.compute import memory_guard
        from vistaseg.session import Session

        loaded = load_models(models, device, precision, keep)
        with memory_guard("the segmentation"):
            if document is None:
                yield Session(volume, *loaded)
                return
            with ProgressBar() as progress:
                session = Session.replay(volume, loaded, document, progress)
            yield session
    except KeyboardInterrupt as error:
        raise CancelledError("Interrupted: nothing was written.") from error


def check_weights(models: Sequence[str]) -> None:
    """A large scan takes long to read, and the models in the box are always there.

    Raises:
        WeightsError: weights are not installed.
    """
    from vistaseg.weights import entry_for, installed_path

    for key in models:
        if key not in IN_THE_BOX:
            installed_path(entry_for(key))


def read_scan(scan: Path) -> tuple[Volume, list[str]]:
    """A CT, and what is doubtful about it.

    Raises:
        InputError: it cannot be read, or is no CT.
    """
    from vistaseg.volume import check_ct, read_volume

    volume = read_volume(scan)
    warnings = check_ct(volume)
    for warning in warnings:
        warn(warning)
    return volume, warnings


def load_models(
    models: Sequence[str], device: str, precision: str, keep: bool, memory: float | None = None
) -> list[SegmentationModel]:
    """Load models by their keys.

    Args:
        keep: let VISTA3D keep its features for further questions.
        memory: limit of VISTA3D's working memory in GB, or None.

    Raises:
        UsageError: there is no such device.
        WeightsError: weights are not installed, or damaged.
    """
    from vistaseg.compute import MemoryBudget, choose_compute, describe_device
    from vistaseg.models.registry import load_model

    compute = choose_compute(device, precision)
    budget = MemoryBudget(features=None if keep else 0, encoding=None if memory is None else int(memory * 1e9))
    loaded = [load_model(key, compute, budget) for key in models]
    for model in loaded:
        typer.echo(f"{model.identity.title} on {describe_device(compute.device)}, {compute.precision}.", err=True)
        if model.notice:
            typer.echo(model.notice, err=True)
    return loaded


def warn(text: str) -> None:
    """Tell a doubt on standard error."""
    typer.echo(f"Warning: {text}", err=True)
