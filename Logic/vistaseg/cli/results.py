"""Results in the form that an output asks for: DICOM, which needs the series that it is about, or another file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vistaseg.cli.console import echo
from vistaseg.errors import UsageError

if TYPE_CHECKING:
    from vistaseg.dicom import Series
    from vistaseg.segmentation import Segmentation


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


def check_dicom_place(path: Path, modality: str = "SEG") -> None:
    """A DICOM file must have a place, and replace only one of its own modality: an image may be a slice of the scan.

    Raises:
        UsageError: it has none, or would replace another.
    """
    from vistaseg.segmentation.replacing import check_file_place
    from vistaseg.volume.dicom.files import is_dicom
    from vistaseg.volume.dicom.headers import read_header

    check_file_place(path)
    if not path.exists():
        return
    header = read_header(path) if is_dicom(path) else None
    if header is None or header.get("Modality") != modality:
        raise UsageError(f"{path} would be overwritten, and is no DICOM {modality}: give another name.")


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


def write_result(segmentation: Segmentation, series: Series | None, output: str) -> None:
    """Write a result in the form that the output asks for, and tell what a user should know of it.

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

    for note in (*series.mended, *write_seg(segmentation, series, output).notes):
        echo(note, err=True)
