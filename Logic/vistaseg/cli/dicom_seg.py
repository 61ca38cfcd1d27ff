"""`vistaseg dicom export`, `import` and `check`: DICOM segmentations out, in and looked at."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vistaseg.cli.console import echo, echo_json
from vistaseg.cli.options import DeflateOption, JsonOption, SeriesOption, named_path
from vistaseg.cli.outputs import check_beside
from vistaseg.cli.results import check_dicom_place, size_teller
from vistaseg.errors import UsageError

if TYPE_CHECKING:
    from vistaseg.dicom import SegExport, Series, ValidationFinding

SegmentationArgument = Annotated[
    Path, typer.Argument(metavar="SEGMENTATION", parser=named_path, help="A .seg.nrrd, .nii.gz or a folder.")
]
SegArgument = Annotated[Path, typer.Argument(metavar="SEG.dcm", parser=named_path, help="A DICOM segmentation.")]
ImagesArgument = Annotated[
    Path, typer.Argument(metavar="DICOM_DIR", parser=named_path, help="Folder of the source series.")
]


def export_command(
    segmentation: SegmentationArgument,
    images: ImagesArgument,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="OUT.dcm", parser=named_path, help="DICOM file to write.")
    ],
    series: SeriesOption = None,
    labelmap: Annotated[
        bool,
        typer.Option(
            "--labelmap",
            help="LABELMAP encoding: one frame per slice for all segments; needs a reader from 2024 or later.",
        ),
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(metavar="OUT.csv", parser=named_path, help="Also write a table of volume, mean HU and diameter."),
    ] = None,
    sr: Annotated[
        Path | None,
        typer.Option(
            "--sr",
            metavar="OUT.dcm",
            parser=named_path,
            help="Also write the measurements as a DICOM structured report.",
        ),
    ] = None,
    deflate: DeflateOption = False,
) -> None:
    """Write a segmentation as DICOM-SEG, with codes and provenance of each segment.

    The file is read back and compared, voxel by voxel, before it takes its place.
    """
    from vistaseg.dicom import read_series, require_exportable, write_seg
    from vistaseg.io import together
    from vistaseg.segmentation import read_segmentation
    from vistaseg.volume import errors_naming

    _check_places(output, report, sr, segmentation)
    found = read_segmentation(segmentation)
    with errors_naming(images):
        chosen = read_series(images, series)
        require_exportable(chosen, labelmap=labelmap, report=sr is not None)
    announce = size_teller(deflate)
    with together() as files:
        export = write_seg(found, chosen, output, labelmap=labelmap, deflate=deflate, announce=announce)
        _write_reports(export, files.sha256(output), chosen, report, sr)
    for note in (*found.notes, *chosen.volume.notes, *chosen.mended, *export.notes):
        echo(note, err=True)
    echo(f"{len(export.segmentation.segments)} segments written to {output}, and read back the same.", err=True)


def _check_places(output: Path, report: Path | None, sr: Path | None, segmentation: Path) -> None:
    if output.suffix.lower() != ".dcm":
        raise UsageError(f"{output} is not a name for a DICOM segmentation: give one that ends in .dcm.")
    check_dicom_place(output)
    if report is not None:
        check_beside(report, output, segmentation)
    if sr is not None:
        check_beside(sr, output, segmentation, *(() if report is None else (report,)))
        check_dicom_place(sr, "SR")


def _write_reports(export: SegExport, sha256: str | None, series: Series, report: Path | None, sr: Path | None) -> None:
    from vistaseg.dicom import csv_bytes, measure, structured_report, warnings_in, without_voxels
    from vistaseg.io import write_bytes

    if report is None and sr is None:
        return
    measures = measure(export.segmentation, series.volume)
    for warning in warnings_in(measures):
        echo(f"Warning: {warning}", err=True)
    if report is not None:
        write_bytes(report, csv_bytes([*measures, *without_voxels(export.left_out)], sha256))
    if sr is not None:
        write_bytes(sr, structured_report(export, series, measures))


def import_command(
    seg: SegArgument,
    images: ImagesArgument,
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="OUT", help="OUT.seg.nrrd, OUT.nii.gz, or a folder ending in /.")
    ],
    series: SeriesOption = None,
) -> None:
    """Read a DICOM segmentation from any program onto the grid of its series."""
    from vistaseg.dicom import import_seg, read_series
    from vistaseg.segmentation import check_writable, write_segmentation
    from vistaseg.volume import errors_naming

    check_writable(output)
    uid = series or _series_of(seg, images)
    with errors_naming(images):
        chosen = read_series(images, uid)
    found = import_seg(seg, chosen)
    write_segmentation(found.segmentation, output)
    for note in (*chosen.volume.notes, *chosen.mended, *found.notes):
        echo(note, err=True)
    echo(f"{len(found.segmentation.segments)} segments written to {output}.", err=True)


def _series_of(seg: Path, images: Path) -> str | None:
    """The series of the folder that the segmentation names; None where it names none of them."""
    from vistaseg.dicom import find_series
    from vistaseg.dicom.references import listed_series
    from vistaseg.dicom.seg_file import load_seg
    from vistaseg.volume import errors_naming

    named = listed_series(load_seg(seg))
    with errors_naming(images):
        return next((one.uid for one in find_series(images) if one.uid in named), None)


def check_command(seg: SegArgument, as_json: JsonOption = False) -> None:
    """Check a DICOM segmentation from any program; exit 1 on errors."""
    from vistaseg.dicom import check_seg

    found = check_seg(seg)
    if as_json:
        echo_json([asdict(finding) for finding in found])
    else:
        _show(found)
    if any(finding.level == "error" for finding in found):
        raise typer.Exit(1)


def _show(found: list[ValidationFinding]) -> None:
    for finding in found:
        place = f" [{finding.where}]" if finding.where else ""
        meaning = f" {finding.meaning}" if finding.meaning else ""
        echo(f"{finding.level}: {finding.what}{place}{meaning}")
    if all(finding.level == "note" for finding in found):
        echo("No error and no warning.")
