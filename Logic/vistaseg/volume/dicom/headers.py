"""Which files hold DICOM images, and what their headers say."""

from __future__ import annotations

import logging
import struct
import warnings
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vistaseg.errors import InputError

TAGS = [
    "AcquisitionDateTime", "AcquisitionNumber", "AcquisitionTime", "Columns", "ContentTime", "ConvolutionKernel",
    "EchoNumbers", "FrameOfReferenceUID", "ImageOrientationPatient", "ImagePositionPatient", "ImageType", "Modality",
    "NominalPercentageOfCardiacPhase", "NumberOfFrames", "PatientID", "PerFrameFunctionalGroupsSequence",
    "PixelSpacing", "RescaleIntercept", "RescaleSlope", "Rows", "SamplesPerPixel", "SeriesDescription",
    "SeriesInstanceUID", "SharedFunctionalGroupsSequence", "SOPInstanceUID", "StudyInstanceUID",
    "TemporalPositionIdentifier", "TriggerTime",
]  # fmt: skip
"""What is needed to sort images into series and stacks, and to place them."""

_DAMAGE = (
    AttributeError, EOFError, KeyError, NotImplementedError, OSError, RuntimeError, TypeError, ValueError, struct.error,
    zlib.error,
)  # fmt: skip

_NAMED_AT_MOST = 3

_PREAMBLE_BYTES = 132


@dataclass(frozen=True)
class ImageFiles:
    """What was found in a folder.

    Attributes:
        headers: `TAGS` of each image, in the order of their files' names.
        damaged: DICOM files that break off in the header, even before the DICOM mark.
    """

    headers: tuple[Any, ...]
    damaged: tuple[Path, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """A sentence about the files that were left out, if any."""
        if not self.damaged:
            return ()
        names = ", ".join(path.name for path in self.damaged[:_NAMED_AT_MOST])
        more = len(self.damaged) - _NAMED_AT_MOST
        told = names if more <= 0 else f"{names} and {more} more"
        return (f"DICOM files that are damaged were left out, so slices may be missing: {told}.",)


def damage() -> tuple[type[Exception], ...]:
    """What pydicom and its decoders raise about files that are damaged, or no DICOM."""
    from pydicom.errors import BytesLengthException

    return *_DAMAGE, BytesLengthException


def is_dicom(path: Path) -> bool:
    """Whether the file carries the DICOM mark after its preamble."""
    with path.open("rb") as stream:
        return stream.read(_PREAMBLE_BYTES)[128:] == b"DICM"


def _is_cut_off(path: Path) -> bool:
    """Whether a file that is named as DICOM ends before its mark."""
    return path.suffix.lower() == ".dcm" and path.stat().st_size < _PREAMBLE_BYTES


def files_below(paths: Path | Sequence[Path]) -> list[Path]:
    """All files of a folder and those below it, or a list of files and folders; a link is no copy of its file."""
    places = [paths] if isinstance(paths, Path) else paths
    files = (file for place in places for file in (place.rglob("*") if place.is_dir() else [place]))
    once = {file.resolve(): file for file in sorted(files, reverse=True) if file.is_file()}
    return sorted(once.values())


def read_images(files: Iterable[Path]) -> ImageFiles:
    """Headers of the images among the files.

    Raises:
        InputError: there are none.
    """
    once = list(files)
    headers, damaged = [], list(filter(_is_cut_off, once))
    for path in filter(is_dicom, once):
        header = read_header(path, TAGS)
        if header is not None and _has_size(header):
            headers.append(header)
        elif header is None or _should_be_image(header):
            damaged.append(path)
    damaged.sort()
    if headers:
        return ImageFiles(tuple(headers), tuple(damaged))
    raise _no_images(damaged)


def read_header(path: Path, tags: list[str] | None = None, pixels: bool = False) -> Any:
    """All of a header, or only some tags of it; None where it breaks off or is no DICOM.

    Attributes whose values cannot be read are left out, as if they were not there.
    """
    import pydicom

    try:
        with not_quoting():
            header = pydicom.dcmread(path, stop_before_pixels=not pixels, specific_tags=tags)
            _leave_out_unreadable(header.file_meta)
            _leave_out_unreadable(header)
            return header
    except damage():
        return None


@contextmanager
def not_quoting() -> Iterator[None]:
    """Without pydicom's warnings and log: they quote values of the header, which may identify the patient."""
    log = logging.getLogger("pydicom")
    was_disabled, log.disabled = log.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.disabled = was_disabled


def _leave_out_unreadable(dataset: Any) -> None:
    for tag in list(dataset.keys()):
        try:
            element = dataset[tag]
        except damage():
            del dataset[tag]
            continue
        if element.VR == "SQ":
            for item in element.value:
                _leave_out_unreadable(item)


def _has_size(header: Any) -> bool:
    sizes = header.get("Rows"), header.get("Columns")
    return all(isinstance(size, int) and size > 0 for size in sizes)


def _should_be_image(header: Any) -> bool:
    uid = header.file_meta.get("MediaStorageSOPClassUID")
    return "Rows" in header or str(getattr(uid, "name", "")).endswith("Image Storage")


def _no_images(damaged: Sequence[Path]) -> InputError:
    if damaged:
        return InputError(
            f"No image can be read here: the header of {damaged[0].name} breaks off, or it is damaged. Copy or export "
            "the series again."
        )
    return InputError(
        "There are no DICOM images in this folder. Give the folder that holds the .dcm files, or an image file."
    )
