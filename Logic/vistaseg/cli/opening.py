"""A scan and its models: checked, read and loaded, with notes on standard error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vistaseg.cli.console import warn
from vistaseg.cli.console_reporter import ConsoleReporter
from vistaseg.cli.outputs import interruption_told
from vistaseg.cli.places import Asked, on_scan
from vistaseg.cli.progress_bar import ProgressBar
from vistaseg.cli.results import require_exportable
from vistaseg.models.registry import recipe_for
from vistaseg.pipeline.loading import check_weights, load_models

if TYPE_CHECKING:
    from vistaseg.dicom import Series
    from vistaseg.models.recipe import Recipe
    from vistaseg.prompts import Prompt
    from vistaseg.session import Session
    from vistaseg.volume import Volume


@dataclass(frozen=True, eq=False)
class Scan:
    """A CT that was read.

    Attributes:
        doubts: what is doubtful about it, a sentence or two each.
        series: the DICOM series that it came from, or None.
    """

    volume: Volume
    doubts: tuple[str, ...]
    series: Series | None


@contextmanager
def open_session(
    place: Path,
    series: str | None,
    models: Sequence[str],
    device: str,
    precision: str,
    typed: Sequence[Asked] = (),
    document: Any = None,
    keep: bool = False,
    output: str = "",
    merging: str | None = None,
) -> Iterator[tuple[Session, Scan, list[Prompt]]]:
    """A session on a scan, new or replayed from a file; notes go to standard error.

    With it come the prompts typed, on the scan; one outside the scan is refused before weights are read.

    Args:
        series: which one of DICOM, or None for the largest CT.
        models: their keys, the preferred first.
        typed: prompts as typed on the command line.
        document: of a saved session.
        keep: let VISTA3D keep its features, because several questions are to come.
        output: where the result goes, to see whether the scan allows it before a model is loaded; "" for nowhere.
        merging: the rule by which clicks change a mask, see `recipe.RULES`; None: the usual, or the saved session's.

    Raises:
        VistaSegError: the scan or a model cannot be used, or a place lies outside the scan.
    """
    with interruption_told():
        check_weights(models)
        scan = read_scan(place, series)
        require_exportable(scan.series, output)
        prompts = on_scan(typed, scan.volume.grid)
        # Only now: torch takes seconds to import, and a file that cannot be read is said sooner without it.
        from vistaseg.compute import memory_guard
        from vistaseg.session import Session

        loaded = load_models(
            models, device, precision, keep, ConsoleReporter(), recipes=_recipes(models, document, merging)
        )
        with memory_guard("the segmentation"):
            if document is None:
                yield Session(scan.volume, *loaded), scan, prompts
                return
            with ProgressBar() as progress:
                session = Session.replay(scan.volume, loaded, document, progress)
            yield session, scan, prompts


def read_scan(place: Path, series: str | None = None) -> Scan:
    """Read a CT, and tell what is doubtful about it.

    Args:
        series: which one of DICOM, or None for the largest CT.

    Raises:
        InputError: it cannot be read, or is not a CT.
    """
    from vistaseg.volume import errors_naming, holds_dicom, read_volume

    with errors_naming(place):
        is_dicom = holds_dicom(place)
    return read_dicom_scan(place, place, series) if is_dicom else _checked(read_volume(place, series))


def read_dicom_scan(place: Path, paths: Path | Sequence[Path], series: str | None = None) -> Scan:
    """As `read_scan`, from a folder, a slice or a list of files.

    Args:
        place: what messages call it.
    """
    from vistaseg.dicom import read_series
    from vistaseg.volume import check_volume, errors_naming

    with errors_naming(place):
        found = read_series(paths, series)
        check_volume(found.volume)
    return _checked(found.volume, found)


def _checked(volume: Volume, series: Series | None = None) -> Scan:
    from vistaseg.volume import check_ct

    doubts = check_ct(volume)
    for doubt in doubts:
        warn(doubt)
    return Scan(volume, tuple(doubts), series)


def _recipes(models: Sequence[str], document: Any, merging: str | None) -> dict[str, Recipe]:
    """The rules of each model: those of a saved session, so that it comes to the same masks."""
    from vistaseg.session.saved import recipe_of

    if document is not None:
        return {key: recipe_of(document, key) for key in models}
    return {} if merging is None else {key: replace(recipe_for(key), merging=merging) for key in models}
