"""What `segment` and `demo` do: check, read, segment, write, report."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vistaseg.cli.console import echo, warn
from vistaseg.cli.console_reporter import ConsoleReporter
from vistaseg.cli.opening import Scan, read_scan
from vistaseg.cli.outputs import interruption_told, kept_to_this_run, require_room_for_corrections, spare_scan
from vistaseg.cli.places import TypedBox
from vistaseg.cli.report import RunOutcome, RunRequest, look_note, make_report, report_bytes, shortened
from vistaseg.cli.results import (
    check_output,
    kept_if_lost,
    require_exportable,
    require_room_for_overlaps,
    require_series,
    write_result,
)
from vistaseg.io import check_file_place, together, write_bytes
from vistaseg.prompts import RegionOfInterest, require_inside

if TYPE_CHECKING:
    from vistaseg.models.protocol import SegmentationModel


def run(request: RunRequest, region: TypedBox | None = None, box: TypedBox | None = None) -> dict[str, Any]:
    """Segment and write; returns the report.

    Args:
        region, box: of the request, as they were typed.

    Raises:
        VistaSegError: whatever went wrong; what was at the outputs before is still there. Where the result could not be
            written as wanted, it was kept beside as .seg.nrrd.
    """
    with interruption_told():
        check_outputs(request)
        with kept_to_this_run(request.output):
            return _run_alone(request, region, box)


def _run_alone(request: RunRequest, region: TypedBox | None, box: TypedBox | None) -> dict[str, Any]:
    request.plan.check()
    scan = read_scan(request.scan, request.series)
    require_exportable(scan.series, request.output)
    request = replace(request, plan=replace(request.plan, region=_on(scan, region), box=_on(scan, box)))
    # Only now: torch takes seconds to import, and a file that cannot be read is said sooner without it.
    from vistaseg.compute import memory_guard

    with memory_guard("the segmentation"):
        return segment_scan(request, scan, request.plan.load(ConsoleReporter()))


def _on(scan: Scan, typed: TypedBox | None) -> RegionOfInterest | None:
    """Refused before weights are read where it lies outside the scan."""
    if typed is None:
        return None
    box = typed.on(scan.volume.grid)
    require_inside(box, scan.volume.grid)
    return box


def segment_scan(request: RunRequest, scan: Scan, models: Sequence[SegmentationModel]) -> dict[str, Any]:
    """Segment a scan that was read, and write; returns the report.

    Raises:
        VistaSegError: as `run`.
    """
    outcome = _segment(request, scan, models)
    report = make_report(request, outcome)
    note = look_note(outcome.rows)
    if note:
        warn(note)
    _write(request, scan, outcome, report)
    _tell(request, outcome)
    return report


def check_outputs(request: RunRequest) -> None:
    """Say before the work, not after it, what cannot be written.

    Raises:
        UsageError: something cannot.
    """
    from vistaseg.preview import check_preview_path

    check_output(request.output)
    require_series(request.scan, request.output)
    spare_scan(request.scan, request.output)
    require_room_for_corrections(request.output, len(request.plan.texts))
    if request.preview is not None:
        check_preview_path(request.preview)
    if request.report is not None:
        check_file_place(request.report)


def _segment(request: RunRequest, scan: Scan, models: Sequence[SegmentationModel]) -> RunOutcome:
    def check_segments(names: Sequence[str], ids: Sequence[int]) -> None:
        check_output(request.output, names)
        require_room_for_overlaps(request.output, ids)

    start = time.perf_counter()
    result = request.plan.run(scan.volume, models, ConsoleReporter(), check_segments)
    return RunOutcome(scan.volume, models, result, scan.doubts, time.perf_counter() - start)


def _write(request: RunRequest, scan: Scan, outcome: RunOutcome, report: dict[str, Any]) -> None:
    """All or nothing."""
    segmentation = outcome.result.segmentation
    with kept_if_lost(segmentation, request.output), together():
        if request.preview is not None:
            write_bytes(request.preview, _picture(outcome))
        if request.report is not None:
            write_bytes(request.report, report_bytes(report))
        write_result(segmentation, scan.series, request.output, request.deflate)


def _picture(outcome: RunOutcome) -> bytes:
    from vistaseg.preview import preview_png

    return preview_png(outcome.volume, outcome.result.segmentation, outcome.volume.name, outcome.notice)


def _tell(request: RunRequest, outcome: RunOutcome) -> None:
    count = len(outcome.result.segmentation.segments)
    what = "1 structure" if count == 1 else f"{count} structures"
    echo(f"{what} in {outcome.seconds:.0f} s, written to {request.output}", err=True)
    missing = outcome.result.not_found
    if not count:
        echo("None of the requested structures was found in this scan.", err=True)
    elif missing:
        echo(f"Not found in this scan: {shortened(missing)}.", err=True)
