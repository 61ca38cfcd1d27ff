"""What `segment` and `demo` do: check, read, segment, write, report."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vistaseg.cli.asking import ask_by_prompts, ask_for_classes
from vistaseg.cli.console import echo, warn
from vistaseg.cli.opening import Scan, check_texts, check_weights, load_models, read_scan
from vistaseg.cli.outputs import kept_to_this_run, require_room_for_corrections, spare_scan
from vistaseg.cli.places import TypedBox
from vistaseg.cli.question import Question
from vistaseg.cli.report import Outcome, look_note, make_report, not_found, report_bytes, shortened
from vistaseg.cli.results import check_output, kept_if_lost, require_exportable, require_series, write_result
from vistaseg.errors import CancelledError
from vistaseg.io import check_file_place, together, write_bytes
from vistaseg.prompts import RegionOfInterest, Text, require_inside

if TYPE_CHECKING:
    from vistaseg.models.protocol import SegmentationModel


@dataclass(frozen=True)
class Request:
    """One run of the command line: for classes, or by prompts where there are texts or a box.

    Attributes:
        output: where the segmentation goes, as it was typed: a slash at its end means a folder.
        series: which one of DICOM, or None for the largest CT.
        question, region: the classes, and where.
        texts: each makes a segment.
        box: goes with each text, or makes a segment alone.
        models: their keys, the preferred first.
        memory: limit of the working memory in GB, or None.
        preview, report: where a picture and the report go, or None.
        deflate: pack a DICOM segmentation.
    """

    scan: Path
    output: str
    series: str | None = None
    question: Question = Question()
    region: RegionOfInterest | None = None
    texts: tuple[Text, ...] = ()
    box: RegionOfInterest | None = None
    models: tuple[str, ...] = ("vista3d",)
    device: str = "auto"
    precision: str = "auto"
    memory: float | None = None
    preview: Path | None = None
    report: Path | None = None
    deflate: bool = False

    @property
    def prompted(self) -> bool:
        """Whether it asks by prompts."""
        return bool(self.texts) or self.box is not None


def run(request: Request, region: TypedBox | None = None, box: TypedBox | None = None) -> dict[str, Any]:
    """Segment and write; returns the report.

    Args:
        region, box: of the request, as they were typed.

    Raises:
        VistaSegError: whatever went wrong; what was at the outputs before is still there. Where the result could not be
            written as wanted, it was kept beside as .seg.nrrd.
    """
    try:
        return _run(request, region, box)
    except KeyboardInterrupt as error:
        raise CancelledError("Interrupted: nothing was written.") from error


def _run(request: Request, region: TypedBox | None, box: TypedBox | None) -> dict[str, Any]:
    check_outputs(request)
    with kept_to_this_run(request.output):
        return _run_alone(request, region, box)


def _run_alone(request: Request, region: TypedBox | None, box: TypedBox | None) -> dict[str, Any]:
    check_weights(request.models)
    check_texts(request.models, request.texts)
    scan = read_scan(request.scan, request.series)
    require_exportable(scan.series, request.output)
    request = replace(request, region=_on(scan, region), box=_on(scan, box))
    # Only now: torch takes seconds to import, and a file that cannot be read is said sooner without it.
    from vistaseg.compute import memory_guard

    with memory_guard("the segmentation"):
        return segment_scan(request, scan, load_for(request))


def _on(scan: Scan, typed: TypedBox | None) -> RegionOfInterest | None:
    """Told before weights are read where it lies outside the scan."""
    if typed is None:
        return None
    box = typed.on(scan.volume.grid)
    require_inside(box, scan.volume.grid)
    return box


def load_for(request: Request) -> list[SegmentationModel]:
    """The models of a request.

    Raises:
        UsageError, WeightsError: as `load_models`.
    """
    # One question encodes each window once: nothing is worth keeping for a second one.
    keep = len(request.texts) > 1
    return load_models(request.models, request.device, request.precision, keep, request.memory)


def segment_scan(request: Request, scan: Scan, models: Sequence[SegmentationModel]) -> dict[str, Any]:
    """Segment a scan that was read, and write; returns the report.

    Raises:
        VistaSegError: as `run`.
    """
    outcome = _ask(request, scan, models)
    report = make_report(request, outcome)
    note = look_note(outcome.finding.rows)
    if note:
        warn(note)
    _write(request, scan, outcome, report)
    _tell(request, outcome)
    return report


def check_outputs(request: Request) -> None:
    """Say before the work, not after it, what cannot be written.

    Raises:
        UsageError: something cannot.
    """
    from vistaseg.preview import check_preview_path

    check_output(request.output)
    require_series(request.scan, request.output)
    spare_scan(request.scan, request.output)
    require_room_for_corrections(request.output, len(request.texts))
    if request.preview is not None:
        check_preview_path(request.preview)
    if request.report is not None:
        check_file_place(request.report)


def _ask(request: Request, scan: Scan, models: Sequence[SegmentationModel]) -> Outcome:
    from vistaseg.session import Session

    start = time.perf_counter()
    ask = ask_by_prompts if request.prompted else ask_for_classes
    finding = ask(request, Session(scan.volume, *models))
    return Outcome(scan.volume, models, finding, scan.doubts, time.perf_counter() - start)


def _write(request: Request, scan: Scan, outcome: Outcome, report: dict[str, Any]) -> None:
    """All or nothing."""
    segmentation = outcome.finding.segmentation
    with kept_if_lost(segmentation, request.output), together():
        if request.preview is not None:
            write_bytes(request.preview, _picture(outcome))
        if request.report is not None:
            write_bytes(request.report, report_bytes(report))
        write_result(segmentation, scan.series, request.output, request.deflate)


def _picture(outcome: Outcome) -> bytes:
    from vistaseg.preview import preview_png

    return preview_png(outcome.volume, outcome.finding.segmentation, outcome.volume.name, outcome.notice)


def _tell(request: Request, outcome: Outcome) -> None:
    count = len(outcome.finding.segmentation.segments)
    what = "1 structure" if count == 1 else f"{count} structures"
    echo(f"{what} in {outcome.seconds:.0f} s, written to {request.output}", err=True)
    missing = not_found(outcome.finding)
    if not count:
        echo("Nothing of what was asked for was found in this scan.", err=True)
    elif missing:
        echo(f"Not found in this scan: {shortened(missing)}.", err=True)
