"""Many studies, one after the other: a bad one is named, and the others go on."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vistaseg.cli.cohort_table import CohortTable, Status, StudyRow
from vistaseg.cli.console import echo
from vistaseg.cli.console_reporter import ConsoleReporter
from vistaseg.cli.opening import read_dicom_scan
from vistaseg.cli.report import RunRequest
from vistaseg.cli.results import require_exportable
from vistaseg.cli.run import check_outputs, segment_scan
from vistaseg.errors import CancelledError, InputError, UsageError, VistaSegError
from vistaseg.io import check_file_place, locked, made_folder, together
from vistaseg.io.refusals import path_for_this_system

if TYPE_CHECKING:
    from vistaseg.dicom import Study
    from vistaseg.models.protocol import SegmentationModel


@dataclass(frozen=True)
class Cohort:
    """What to do with a folder of studies.

    Attributes:
        request: for each of them; its scan is the folder of studies, and its output that of the results.
        request_text: the same in words; tells apart the results of different requests.
        suffix: of the results, such as ".seg.nrrd".
        table: where the report goes.
    """

    request: RunRequest
    request_text: str
    suffix: str
    table: Path


def run_cohort(cohort: Cohort) -> list[StudyRow]:
    """Segment the largest CT of each study; returns the rows of the report, also of studies that failed.

    What the report of an earlier run says is done, and still is there, is not done again.

    Raises:
        VistaSegError: nothing could be begun, the report cannot be written, or the work was stopped.
    """
    from vistaseg.dicom import find_studies
    from vistaseg.volume import errors_naming

    root, results = cohort.request.scan, Path(cohort.request.output)
    _check_folders(cohort.request)
    with made_folder(results), locked(results):
        check_file_place(cohort.table)
        with locked(cohort.table):
            table = CohortTable.opened(cohort.table, results)
            cohort.request.plan.check()
            with _stoppable(cohort.table), errors_naming(root):
                models: list[SegmentationModel] = []
                return [_row(cohort, todo, table, models) for todo in _todo(cohort, find_studies(root, [results]))]


@dataclass(frozen=True)
class _Todo:
    """A study, and its row before anything was done."""

    study: Study
    row: StudyRow


def _todo(cohort: Cohort, studies: Iterable[Study]) -> Iterator[_Todo]:
    """Results whose places would differ only by case get a number, because not every disk tells such names apart."""
    taken: set[str] = set()
    for study in studies:
        places = (_output(cohort, study, number) for number in itertools.count(1))
        output = next(place for place in places if str(place).casefold() not in taken)
        taken.add(str(output).casefold())
        row = StudyRow(str(study.folder), study.series, study.images, cohort.request_text, output=str(output))
        yield _Todo(study, row)


def _check_folders(request: RunRequest) -> None:
    if not request.scan.is_dir():
        raise InputError(f"{request.scan} is not a folder. Give the folder that holds a folder for each study.")
    if Path(request.output).exists() and not Path(request.output).is_dir():
        raise UsageError(f"{request.output} is a file, and the results of a cohort need a folder: give another name.")


@contextmanager
def _stoppable(table: Path) -> Iterator[None]:
    try:
        yield
    except (KeyboardInterrupt, CancelledError) as error:
        raise CancelledError(f"Interrupted. {table} says what is done; the same command goes on from there.") from error


def _row(cohort: Cohort, todo: _Todo, table: CohortTable, models: list[SegmentationModel]) -> StudyRow:
    """What came of a study: now, or earlier; in the table from when its result is in its place."""
    study = todo.study
    before = table.done_before(todo.row)
    if before is not None:
        echo(f"{study.folder}: done before.", err=True)
        return before
    echo(f"{study.folder}: {study.images} images", err=True)
    if not models:
        models += cohort.request.plan.load(ConsoleReporter())  # what fails here would fail for all
    start = time.perf_counter()
    try:
        with together() as files:
            row = _attempt(cohort, study, todo.row, models)
            sha256 = files.sha256(Path(cohort.request.output) / row.output) or ""
            row = replace(row, seconds=time.perf_counter() - start, sha256=sha256)
            table.put(row)
    except UsageError as error:
        row = replace(_failed(study, todo.row, str(error)), seconds=time.perf_counter() - start)
        table.put(row)
    return row


def _output(cohort: Cohort, study: Study, number: int) -> Path:
    """Beside the others as the study lies beside the others; a UID comes from outside, and may be no UID."""
    name = re.sub(r"[^0-9A-Za-z.]", "_", study.series).strip(".") or "series"
    place = study.folder / f"{name}{cohort.suffix if number == 1 else f'_{number}{cohort.suffix}'}"
    return path_for_this_system(place)


def _attempt(cohort: Cohort, study: Study, todo: StudyRow, models: list[SegmentationModel]) -> StudyRow:
    try:
        said = _segment(cohort, study, Path(cohort.request.output) / todo.output, models)
        return replace(todo, status=Status.DONE, reason=" ".join(said["warnings"]), segments=len(said["segments"]))
    except CancelledError:
        raise
    except VistaSegError as error:
        reason = str(error)
    except Exception as error:  # a cohort runs through the night: one study that no one foresaw must not end it
        reason = f"An unexpected error ({type(error).__name__}). Segment this study alone to see more of it."
    return _failed(study, todo, reason)


def _failed(study: Study, todo: StudyRow, reason: str) -> StudyRow:
    echo(f"{study.folder} failed: {reason}", err=True)
    return replace(todo, status=Status.FAILED, reason=reason)


def _segment(cohort: Cohort, study: Study, place: Path, models: list[SegmentationModel]) -> dict[str, Any]:
    if study.problem is not None:
        raise InputError(study.problem)
    from vistaseg.compute import memory_guard

    request = replace(cohort.request, scan=cohort.request.scan / study.folder, output=str(place))
    with made_folder(place.parent), memory_guard("the segmentation"):
        check_outputs(request)
        scan = read_dicom_scan(request.scan, study.files)
        require_exportable(scan.series, request.output)
        return segment_scan(request, scan, models)
