"""What `segment` and `demo` do: check, read, segment, write, report."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from vistaseg import catalog
from vistaseg.cli.outputs import put_beside, spare_scan
from vistaseg.cli.progress_bar import ProgressBar
from vistaseg.cli.question import Question, names
from vistaseg.cli.report import Outcome, make_report, report_bytes
from vistaseg.errors import CancelledError, UsageError
from vistaseg.prompts import RegionOfInterest

if TYPE_CHECKING:
    from vistaseg.models.vista3d.model import Vista3d
    from vistaseg.segmentation import Segmentation
    from vistaseg.volume import Volume


@dataclass(frozen=True)
class Request:
    """One run of the command line.

    Attributes:
        output: where the segmentation goes, as it was typed: a slash at its end means a folder.
        memory: limit of the working memory in GB, or None.
        preview, report: where a picture and the report go, or None.
    """

    scan: Path
    output: str
    question: Question = Question()
    region: RegionOfInterest | None = None
    model: str = "vista3d"
    device: str = "auto"
    precision: str = "auto"
    memory: float | None = None
    preview: Path | None = None
    report: Path | None = None


def run(request: Request) -> dict[str, Any]:
    """Segment and write; returns the report.

    Raises:
        VistaSegError: whatever went wrong; nothing was written, and what was at the outputs before is still there.
    """
    try:
        return _run(request)
    except KeyboardInterrupt as error:
        raise CancelledError("Interrupted: nothing was written.") from error


def _run(request: Request) -> dict[str, Any]:
    _check_outputs(request)
    check_weights(request.model)
    volume, warnings = _read(request.scan)
    # Only now: torch takes seconds to import, and a file that cannot be read is said sooner without it.
    from vistaseg.compute import memory_guard

    with memory_guard("the segmentation"):
        outcome = _segment(request, volume, _load(request), warnings)
        report = make_report(request, outcome)
        _write(request, outcome, report)
    _tell(request, outcome)
    return report


def _check_outputs(request: Request) -> None:
    from vistaseg.preview import check_preview_path
    from vistaseg.segmentation import check_writable
    from vistaseg.segmentation.replacing import check_file_place

    check_writable(request.output)
    spare_scan(request.scan, request.output)
    if request.preview is not None:
        check_preview_path(request.preview)
    if request.report is not None:
        check_file_place(request.report)


def check_weights(model: str) -> None:
    """A large scan takes long to read, and the model in the box is always there."""
    from vistaseg.weights import entry_for, installed_path

    if model != "demo":
        installed_path(entry_for(model))


def _read(scan: Path) -> tuple[Volume, list[str]]:
    from vistaseg.volume import check_ct, read_volume

    volume = read_volume(scan)
    warnings = check_ct(volume)
    for warning in warnings:
        _warn(warning)
    return volume, warnings


def _load(request: Request) -> Vista3d:
    from vistaseg.compute import choose_compute, describe_device
    from vistaseg.models.registry import load_model

    compute = choose_compute(request.device, request.precision)
    # One question a run: nothing is worth keeping for a second one.
    limit = None if request.memory is None else int(request.memory * 1e9)
    model = load_model(request.model, compute, keep_bytes=0, memory_bytes=limit)
    typer.echo(f"{model.identity.title} on {describe_device(compute.device)}, {compute.precision}.", err=True)
    if model.notice:
        typer.echo(model.notice, err=True)
    return model


def _segment(request: Request, volume: Volume, model: Vista3d, warnings: list[str]) -> Outcome:
    from vistaseg.segmentation import check_writable
    from vistaseg.session import Session

    asked, left_out = request.question.ids_for(model.class_ids, model.identity.title)
    check_writable(request.output, [catalog.get(i).name for i in asked])
    _require_room_for_overlaps(request.output, asked)
    notes = [_left_out_note(left_out, model)] if left_out else []
    for note in notes:
        _warn(note)
    start = time.perf_counter()
    with ProgressBar() as progress:
        segmentation = Session(volume, model).segment(asked, request.region, progress)
    seconds = time.perf_counter() - start
    notes += _smaller_windows(segmentation, model)
    return Outcome(volume, model, segmentation, asked, left_out, (*warnings, *notes), seconds)


def _require_room_for_overlaps(output: str, ids: tuple[int, ...]) -> None:
    """Say before the work, not after it, that a label map has one label a voxel."""
    within_others = [i for i in ids if not catalog.get(i).in_everything]
    if within_others and len(ids) > 1 and output.lower().endswith((".nii", ".nii.gz")):
        raise UsageError(
            f"A label map cannot hold {names(within_others)} together with others, because they overlap. "
            "Write a .seg.nrrd file, or a folder with one NIfTI file per structure."
        )


def _smaller_windows(segmentation: Segmentation, model: Vista3d) -> list[str]:
    """A note where the limit of memory made the windows smaller than the model's own."""
    used = next((tuple(segment.provenance["window"]) for segment in segmentation.segments), model.configuration.window)
    if used == model.configuration.window:
        return []
    sides, own = (" x ".join(map(str, window)) for window in (used, model.configuration.window))
    note = f"To stay within the memory, windows of {sides} voxels were used, not {own}: masks may differ a little."
    _warn(note)
    return [note]


def _left_out_note(left_out: tuple[int, ...], model: Vista3d) -> str:
    count = "1 structure" if len(left_out) == 1 else f"{len(left_out)} structures"
    return f"{model.identity.title} does not know {count} of what was asked for, left out: {names(left_out)}."


def _write(request: Request, outcome: Outcome, report: dict[str, Any]) -> None:
    """All or nothing: what goes beside the segmentation is complete before it, and takes its place after it."""
    from vistaseg.segmentation import write_segmentation

    with ExitStack() as beside:
        if request.preview is not None:
            put_beside(beside, request.preview, _picture(outcome))
        if request.report is not None:
            put_beside(beside, request.report, report_bytes(report))
        write_segmentation(outcome.segmentation, request.output)


def _picture(outcome: Outcome) -> bytes:
    from vistaseg.preview import preview_png

    return preview_png(outcome.volume, outcome.segmentation, outcome.volume.name, outcome.model.notice)


def _tell(request: Request, outcome: Outcome) -> None:
    count = len(outcome.segmentation.segments)
    what = "1 structure" if count == 1 else f"{count} structures"
    typer.echo(f"{what} in {outcome.seconds:.0f} s, written to {request.output}", err=True)
    if not count:
        typer.echo("Nothing of what was asked for was found in this scan.", err=True)


def _warn(text: str) -> None:
    typer.echo(f"Warning: {text}", err=True)
