"""Everything that an export writes, from the first check to the last file: for hosts with a worker and a user."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from vistaseg.dicom.agreement import require_agreement
from vistaseg.dicom.derived import write_derived_ct
from vistaseg.dicom.header import Description
from vistaseg.dicom.imported import with_file_history
from vistaseg.dicom.measures import csv_bytes, measure, warnings_in, without_voxels
from vistaseg.dicom.seg_writer import SegExport, write_seg
from vistaseg.dicom.series import Series, read_series
from vistaseg.dicom.structured_report import structured_report
from vistaseg.io import check_folder, sha256_of, staged, write_bytes, write_error
from vistaseg.progress import Progress, silent
from vistaseg.segmentation import Segmentation
from vistaseg.volume import Volume
from vistaseg.volume.dicom.headers import read_header

SEG, CSV, REPORT, IMAGES = "segmentation.dcm", "report.csv", "report.dcm", "images"

_STEPS = 5


@dataclass(frozen=True, eq=False)
class Delivery:
    """What to export, and where to.

    Attributes:
        volume: that the segments were drawn on.
        files: the DICOM images of the volume; none to make a CT series from it, which is marked as derived.
        study: an image of the study that such a series shall belong to; None for a new study.
        imported: the DICOM segmentation that segments were loaded from, see `with_file_history`.
        folder: where the files go, each under a name of its own that begins with `prefix`.
        prefix: of the names of all files.
        labelmap, deflate, description: see `write_seg`.
        report: whether to write the measures of the segments, too, as CSV and as structured report.
        announce: see `write_seg`; called in the thread that delivers.
    """

    volume: Volume
    files: tuple[Path, ...]
    folder: Path
    prefix: str = ""
    study: Path | None = None
    imported: Path | None = None
    labelmap: bool = False
    deflate: bool = False
    description: Description = field(default_factory=Description)
    report: bool = False
    announce: Callable[[int], None] = lambda size: None


@dataclass(frozen=True)
class Delivered:
    """What was written.

    Attributes:
        dicom: SOP instance UID → file, of images that were made, the segmentation, the structured report.
        csv: the table of measures, or None.
        segments: how many the segmentation has.
        instance_uids: of the images that it refers to, in their order.
        notes: what a user should know of it, a sentence or two each.
    """

    dicom: Mapping[str, Path]
    csv: Path | None
    segments: int
    instance_uids: tuple[str, ...]
    notes: tuple[str, ...]


def deliver(
    delivery: Delivery, segmentation: Callable[[Progress], Segmentation], progress: Progress = silent
) -> Delivered:
    """Check, write, read back and compare; all files are there in the end, or none.

    Args:
        segmentation: makes the segments, on any grid.

    Raises:
        InputError: the images cannot be read, are not those of the volume, or their headers do not allow it.
        UsageError: nothing can be written to the folder.
        VistaSegError: what was read back is not what was meant.
    """
    check_folder(delivery.folder)
    series, remarks = _own_series(delivery) if delivery.files else (None, ())
    with staged(delivery.folder) as staging:
        progress("steps", 1, _STEPS)
        series = series or _derived_series(delivery, staging / (delivery.prefix + IMAGES), progress)
        progress("steps", 2, _STEPS)
        meant, losses = with_file_history(segmentation(progress), delivery.imported)
        progress("steps", 3, _STEPS)
        export, doubts = _write(delivery, meant, series, staging, progress)
        notes = [*remarks, *meant.notes, *series.volume.notes, *series.mended, *losses, *export.notes, *doubts]
        written = [path.relative_to(staging) for path in sorted(staging.rglob("*.*")) if path.is_file()]
        uids = {path: _uid(staging / path) for path in written if path.suffix == ".dcm"}
    return Delivered(
        {uid: delivery.folder / path for path, uid in uids.items()},
        next((delivery.folder / path for path in written if path.suffix == ".csv"), None),
        len(export.segmentation.segments),
        tuple(str(dataset.SOPInstanceUID) for dataset in series.datasets),
        tuple(dict.fromkeys(notes)),
    )


def _own_series(delivery: Delivery) -> tuple[Series, tuple[str, ...]]:
    """The series, and notes on how the volume differs from it."""
    series = read_series(delivery.files)
    return series, require_agreement(delivery.volume, series)


def _derived_series(delivery: Delivery, folder: Path, progress: Progress) -> Series:
    try:
        folder.mkdir()
        images = write_derived_ct(delivery.volume, folder, study=delivery.study, progress=progress)
    except OSError as error:
        raise write_error(delivery.folder, error) from error
    return read_series(images)


def _write(
    delivery: Delivery, meant: Segmentation, series: Series, folder: Path, progress: Progress
) -> tuple[SegExport, list[str]]:
    """What was exported, and warnings about its measures."""
    doubts: list[str] = []
    export = write_seg(
        meant,
        series,
        folder / (delivery.prefix + SEG),
        labelmap=delivery.labelmap,
        deflate=delivery.deflate,
        description=delivery.description,
        announce=delivery.announce,
    )
    progress("steps", 4, _STEPS)
    if delivery.report:
        measures = measure(export.segmentation, series.volume)
        doubts, rows = warnings_in(measures), [*measures, *without_voxels(export.left_out)]
        write_bytes(folder / (delivery.prefix + CSV), csv_bytes(rows, sha256_of(export.path)))
        write_bytes(folder / (delivery.prefix + REPORT), structured_report(export, series, measures))
    progress("steps", _STEPS, _STEPS)
    return export, doubts


def _uid(path: Path) -> str:
    return str(read_header(path, ["SOPInstanceUID"]).SOPInstanceUID)
