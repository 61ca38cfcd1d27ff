"""Which files hold DICOM images, and what their headers say."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vistaseg.errors import InputError
from vistaseg.volume.dicom.bounds import implausible_frames
from vistaseg.volume.dicom.files import damage, open_dicom, should_be_dicom
from vistaseg.volume.dicom.folders import FoundFiles, recognise
from vistaseg.volume.dicom.values import set_aside_unreadable

TAGS = [
    "AcquisitionDateTime", "AcquisitionNumber", "AcquisitionTime", "BitsAllocated", "BitsStored", "Columns",
    "ContentTime", "ConvolutionKernel", "EchoNumbers", "FrameOfReferenceUID", "GantryDetectorTilt", "HighBit",
    "ImageOrientationPatient", "ImagePositionPatient", "ImageType", "Manufacturer", "Modality", "ModalityLUTSequence",
    "NominalPercentageOfCardiacPhase", "NumberOfFrames", "PatientBirthDate", "PatientID", "PatientName", "PatientSex",
    "PerFrameFunctionalGroupsSequence", "PhotometricInterpretation", "PixelPaddingRangeLimit", "PixelPaddingValue",
    "PixelRepresentation", "PixelSpacing", "RescaleIntercept", "RescaleSlope", "RescaleType", "Rows",
    "SamplesPerPixel", "SeriesDescription", "SeriesInstanceUID", "SharedFunctionalGroupsSequence", "SliceThickness",
    "SOPClassUID", "SOPInstanceUID", "SpacingBetweenSlices", "StudyInstanceUID", "TemporalPositionIdentifier",
    "TriggerTime",
]  # fmt: skip
"""What is needed to sort images into series and stacks, and to place them."""

_NAMED_AT_MOST = 3
_UNREACHABLE = "Links that lead nowhere, or files and folders that cannot be opened"


@dataclass(frozen=True)
class ImageFiles:
    """What was found in a folder.

    Attributes:
        headers: `TAGS` of each image, in the order of their files' names.
        damaged: DICOM files that break off in the header, and those that only have the name of one.
        others: files that are not DICOM, without hidden ones.
        implausible: images whose header promises what the file cannot hold, and why.
        unreachable: links that lead nowhere, and files and folders that cannot be opened.
    """

    headers: tuple[Any, ...]
    damaged: tuple[Path, ...] = ()
    others: tuple[Path, ...] = ()
    implausible: tuple[tuple[Path, str], ...] = ()
    unreachable: tuple[Path, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """A sentence about each kind of files that were left out, if any."""
        notes = []
        if self.damaged:
            notes.append(
                f"DICOM files that are damaged were left out, so slices may be missing: {_listed(self.damaged)}."
            )
        if self.implausible:
            listed = _listed([path for path, _ in self.implausible])
            notes.append(
                "Images whose header cannot be right were left out, so slices may be missing: "
                f"{listed} ({self.implausible[0][1]})."
            )
        if self.unreachable:
            listed = _listed(self.unreachable)
            notes.append(f"{_UNREACHABLE} were left out, so slices or series may be missing: {listed}.")
        if self.others:
            notes.append(f"Files that are not DICOM were left out ({len(self.others)}): {_listed(self.others)}.")
        return tuple(notes)


def _listed(paths: Sequence[Path]) -> str:
    names = ", ".join(path.name for path in paths[:_NAMED_AT_MOST])
    more = len(paths) - _NAMED_AT_MOST
    return names if more <= 0 else f"{names} and {more} more"


def read_images(found: FoundFiles) -> ImageFiles:
    """Headers of the images among the files.

    Raises:
        InputError: there are none.
    """
    recognised, unreachable = recognise(found)
    headers: list[Any] = []
    implausible: list[tuple[Path, str]] = []
    damaged = [path for path, known in recognised.items() if not known and should_be_dicom(path)]
    hidden = [path for path in recognised if path.name.startswith(".")]
    others = [path for path, known in recognised.items() if not (known or path in damaged or path in hidden)]
    for path in (path for path, known in recognised.items() if known):
        header = read_header(path, TAGS)
        if header is not None and _has_size(header):
            reason = implausible_frames(header, path.stat().st_size)
            if reason is None:
                headers.append(header)
            else:
                implausible.append((path, reason))
        elif header is None or _should_be_image(header):
            damaged.append(path)
    if headers:
        return ImageFiles(tuple(headers), tuple(sorted(damaged)), tuple(others), tuple(implausible), unreachable)
    raise implausible_error(*implausible[0]) if implausible else _no_images(sorted(damaged), unreachable)


def read_header(path: Path, tags: list[str] | None = None, pixels: bool = False) -> Any:
    """All of a header, or only some tags of it; None where it breaks off or is not DICOM.

    Attributes whose values cannot be read are taken out, and named by `unreadable_in`.
    """
    try:
        with not_quoting():
            header = open_dicom(path, stop_before_pixels=not pixels, tags=tags)
            set_aside_unreadable(header.file_meta)
            set_aside_unreadable(header)
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


def _has_size(header: Any) -> bool:
    sizes = header.get("Rows"), header.get("Columns")
    return all(isinstance(size, int) and size > 0 for size in sizes)


def _should_be_image(header: Any) -> bool:
    uid = header.file_meta.get("MediaStorageSOPClassUID")
    return "Rows" in header or str(getattr(uid, "name", "")).endswith("Image Storage")


def implausible_error(path: Path, reason: str) -> InputError:
    """The error for an image whose header promises what the file cannot hold."""
    return InputError(f"The header of {path.name} cannot be right: {reason}. Export the series again.")


def _no_images(damaged: Sequence[Path], unreachable: Sequence[Path]) -> InputError:
    if unreachable:
        return InputError(
            f"No image can be read here. {_UNREACHABLE}: {_listed(unreachable)}. Check where the links lead, whether "
            "the drive is there, and the permissions."
        )
    if damaged:
        return InputError(
            f"No image can be read here: the header of {damaged[0].name} breaks off, or it is damaged. Copy or export "
            "the series again."
        )
    return InputError("This folder holds no DICOM images. Give the folder that holds the .dcm files, or an image file.")
