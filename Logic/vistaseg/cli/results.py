"""Results in the form that an output asks for: DICOM, which needs the series that it is about, or another file."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from vistaseg import catalog
from vistaseg.cli.console import echo
from vistaseg.errors import UsageError, VistaSegError
from vistaseg.io import check_file_place
from vistaseg.pipeline.structures import names

if TYPE_CHECKING:
    from vistaseg.dicom import Series
    from vistaseg.segmentation import Segmentation


LARGE_BYTES = 100_000_000
"""From here on a packed DICOM segmentation is offered."""


def is_dicom_output(output: str) -> bool:
    """Whether a result is to be a DICOM segmentation."""
    return output.lower().endswith(".dcm")


def check_output(output: str, names: Sequence[str] = ()) -> None:
    """Check, before a long computation, that a result can be written.

    Args:
        names: of the segments that it may have; in a folder each has a file.

    Raises:
        UsageError: says what is wrong with it.
    """
    from vistaseg.segmentation import check_writable

    if is_dicom_output(output):
        check_dicom_place(Path(output))
    else:
        check_writable(output, names)


def require_room_for_overlaps(output: str, ids: Sequence[int]) -> None:
    """Say before the work, not after it, that a label map has one label a voxel.

    Raises:
        UsageError: structures that overlap others were to go into one.
    """
    within_others = [i for i in ids if not catalog.get(i).in_everything]
    if within_others and len(ids) > 1 and output.lower().endswith((".nii", ".nii.gz")):
        raise UsageError(
            f"A label map cannot hold {names(within_others)} together with others, because they overlap. "
            "Write a .seg.nrrd file, or a folder with one NIfTI file per structure."
        )


def check_dicom_place(path: Path, modality: str = "SEG") -> None:
    """A DICOM file must have a place, and replace only one of its own modality: an image may be a slice of the scan.

    Raises:
        UsageError: it has none, or would replace another.
    """
    from vistaseg.volume.dicom.files import is_dicom
    from vistaseg.volume.dicom.headers import read_header

    check_file_place(path)
    if not path.exists():
        return
    header = read_header(path) if is_dicom(path) else None
    if header is None or header.get("Modality") != modality:
        raise UsageError(f"{path} would be overwritten, and is not a DICOM {modality}: give another name.")


def require_series(scan: Path, output: str) -> None:
    """A DICOM segmentation refers to the images that it was made on.

    Raises:
        UsageError: the output is to be DICOM, and the scan is not.
    """
    from vistaseg.volume import errors_naming, holds_dicom

    if not is_dicom_output(output):
        return
    with errors_naming(scan):
        if not holds_dicom(scan):
            raise UsageError(
                f"A DICOM segmentation refers to DICOM images, and {scan} is none. Give the folder of the DICOM "
                "series, or write a .seg.nrrd file."
            )


def require_exportable(series: Series | None, output: str) -> None:
    """Try the headers of a series, before a long computation, on a DICOM segmentation of one voxel.

    Raises:
        InputError: the output is to be DICOM, and the headers do not allow it; names the attribute.
    """
    if series is not None and is_dicom_output(output):
        from vistaseg.dicom import require_exportable as require

        require(series)


def write_result(segmentation: Segmentation, series: Series | None, output: str, deflate: bool = False) -> None:
    """Write a result in the form that the output asks for, and tell what a user should know of it.

    Args:
        deflate: pack a DICOM segmentation.

    Raises:
        UsageError: it cannot be written.
        InputError: it cannot be DICOM, because nothing was found or the headers of the series do not allow it.
    """
    from vistaseg.segmentation import write_segmentation

    if series is None or not is_dicom_output(output):
        write_segmentation(segmentation, output)
        return
    # Only now: no other form needs what it brings in.
    from vistaseg.dicom import write_seg

    written = write_seg(segmentation, series, output, deflate=deflate, announce=size_teller(deflate))
    for note in (*series.mended, *written.notes):
        echo(note, err=True)


def size_teller(deflate: bool) -> Callable[[int], None]:
    """What tells the size of a DICOM segmentation before it is written."""
    from vistaseg.volume.limits import size_text

    def tell(size: int) -> None:
        if deflate:
            echo(f"The DICOM segmentation takes {size_text(size)} before it is deflated.", err=True)
            return
        echo(f"The DICOM segmentation takes {size_text(size)}.", err=True)
        if size > LARGE_BYTES:
            echo(
                "--deflate makes it much smaller. pydicom, highdicom, dcmqi and 3D Slicer from April 2026 on read such "
                "files; older Slicers, dcm2niix and dciodvfy do not.",
                err=True,
            )

    return tell


@contextmanager
def kept_if_lost(segmentation: Segmentation, output: str) -> Iterator[None]:
    """Save a computed result as .seg.nrrd beside its output when the block fails, and say where.

    Raises:
        VistaSegError: that of the block, whose message then also says where.
    """
    try:
        yield
    except Exception as error:
        place = _keep(segmentation, output)
        if place is None:
            raise
        kept = f"The result was kept as {place}: export it from there, or open it in 3D Slicer."
        if isinstance(error, VistaSegError):
            raise type(error)(f"{error} {kept}") from error
        echo(kept, err=True)
        raise


def _keep(segmentation: Segmentation, output: str) -> Path | None:
    """Where it was kept: beside the output, else in the working folder or at home, since a drive may be gone or full.

    None where there is nothing to keep, or it cannot be written anywhere.
    """
    from vistaseg.segmentation import write_segmentation

    if not any(segment.voxel_count for segment in segmentation.segments):
        return None
    wanted = Path(output)
    stem = wanted.name.removesuffix(".gz").removesuffix(".nii").removesuffix(".dcm").removesuffix(".seg.nrrd")
    finders: tuple[Callable[[], Path], ...] = (lambda: wanted.parent, Path.cwd, Path.home)
    for find in finders:
        names = itertools.chain((f"{stem}.seg.nrrd",), (f"{stem}-{number}.seg.nrrd" for number in range(2, 1000)))
        try:
            folder = find()
            place = next(folder / name for name in names if not (folder / name).exists())
            write_segmentation(segmentation, str(place))
        except (VistaSegError, OSError, RuntimeError):  # a folder that is gone, a home that is not known
            continue
        return place
    return None
