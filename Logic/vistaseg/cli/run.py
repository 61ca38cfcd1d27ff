"""What `segment` and `demo` do: read, check, segment, write, report."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from vistaseg import __version__, catalog
from vistaseg.cli.progress_bar import ProgressBar
from vistaseg.prompts import RegionOfInterest

if TYPE_CHECKING:
    from vistaseg.models.vista3d.model import Vista3d
    from vistaseg.segmentation import Segmentation
    from vistaseg.volume import Volume


@dataclass(frozen=True)
class Request:
    """One run of the command line; `classes` None asks for everything that the model knows."""

    scan: Path
    output: Path
    classes: tuple[int, ...] | None
    region: RegionOfInterest | None
    model: str
    device: str
    precision: str
    preview: Path | None


def run(request: Request) -> dict[str, Any]:
    """Segment and write; returns the report.

    Raises:
        VistaSegError: whatever went wrong; no output is left half-written.
    """
    from vistaseg.preview import check_preview_path
    from vistaseg.segmentation import check_writable, write_segmentation
    from vistaseg.volume import check_ct, read_volume

    check_writable(request.output)
    if request.preview is not None:
        check_preview_path(request.preview)
    volume = read_volume(request.scan)
    warnings = check_ct(volume)
    for warning in warnings:
        typer.echo(f"Warning: {warning}", err=True)
    model = _load(request)
    start = time.perf_counter()
    segmentation = _segment(request, volume, model)
    seconds = time.perf_counter() - start
    write_segmentation(segmentation, request.output)
    if request.preview is not None:
        _draw(request.preview, volume, segmentation, model)
    _tell(request, segmentation, seconds)
    return _report(request, volume, segmentation, model, warnings, seconds)


def _load(request: Request) -> Vista3d:
    from vistaseg.compute import choose_compute, describe_device
    from vistaseg.models.registry import load_model

    compute = choose_compute(request.device, request.precision)
    model = load_model(request.model, compute)
    typer.echo(f"{model.identity.title} on {describe_device(compute.device)}, {compute.precision}.", err=True)
    if model.notice:
        typer.echo(model.notice, err=True)
    return model


def _segment(request: Request, volume: Volume, model: Vista3d) -> Segmentation:
    from vistaseg.session import Session

    with ProgressBar() as progress:
        return Session(volume, model).segment(_asked(request, model), request.region, progress)


def _asked(request: Request, model: Vista3d) -> tuple[int, ...]:
    """The classes of the request; of a preset, a model with fewer classes answers those it knows."""
    everything = tuple(i for i in catalog.everything() if i in model.class_ids)
    return everything if request.classes is None else request.classes


def _draw(path: Path, volume: Volume, segmentation: Segmentation, model: Vista3d) -> None:
    from vistaseg.preview import render_preview

    render_preview(volume, segmentation, path, title=volume.name, footer=model.notice)


def _tell(request: Request, segmentation: Segmentation, seconds: float) -> None:
    count = len(segmentation.segments)
    typer.echo(f"{count} structures in {seconds:.0f} s, written to {request.output}", err=True)
    if not count:
        typer.echo("Nothing of what was asked for was found in this scan.", err=True)


def _report(
    request: Request, volume: Volume, segmentation: Segmentation, model: Vista3d, warnings: list[str], seconds: float
) -> dict[str, Any]:
    return {
        "software": f"VistaSeg {__version__}",
        "python": sys.version.split()[0],
        "input": str(request.scan),
        "output": str(request.output),
        "model": model.identity.title,
        "notice": model.notice,
        "weights_sha256": model.identity.weights_sha256,
        "precision": model.compute.precision,
        "device": str(model.compute.device),
        "volume": {"shape_ijk": volume.shape_ijk, "spacing_mm": volume.spacing, "orientation": volume.orientation},
        "warnings": warnings,
        "seconds": round(seconds, 2),
        "segments": [
            {"id": s.structure_id, "name": s.name, "voxels": s.voxel_count, "ml": round(segmentation.volume_ml(s), 2)}
            for s in segmentation.segments
        ],
    }
