"""A CT series made from a volume that has no DICOM images, marked as derived in every image (PS3.3 A.3)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from vistaseg import __version__
from vistaseg.dicom.header import CHARACTER_SET
from vistaseg.dicom.planes import decimal_string
from vistaseg.errors import InputError
from vistaseg.progress import Progress, silent
from vistaseg.volume import Volume
from vistaseg.volume.dicom.files import is_dicom
from vistaseg.volume.dicom.headers import not_quoting, read_header
from vistaseg.volume.dicom.slices import SOFTWARE

DESCRIPTION = "CT derived by VistaSeg from a volume without images"
"""Series Description of all series that are made here."""

_SERIES_NUMBER = 710
_TO_LPS = np.array([-1.0, -1.0, 1.0])
_OF_STUDY = (
    "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "PatientAge", "PatientSize",
    "PatientWeight", "PatientIdentityRemoved", "DeidentificationMethod", "StudyInstanceUID", "StudyDate", "StudyTime",
    "StudyID", "StudyDescription", "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip
_EMPTY = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID",
    "AccessionNumber", "ReferringPhysicianName", "KVP", "AcquisitionNumber", "PositionReferenceIndicator", "Laterality",
    "PatientPosition",
)  # fmt: skip
"""Attributes of type 2, which may be empty, but not absent."""


def write_derived_ct(
    volume: Volume, folder: Path, *, study: Path | None = None, progress: Progress = silent
) -> list[Path]:
    """Write a volume of Hounsfield units as a derived CT series without a patient.

    Values are rounded to whole HU. What identifies a patient is empty, unless a study is given. The frame of
    reference is a new one, because the volume may have been moved.

    Args:
        folder: where the images go, one for each slice k; it must not hold them already.
        study: an image of the study that the series shall belong to; by default it is a new one.

    Returns:
        The files in order of k.

    Raises:
        InputError: the axes are not at right angles, the values are not Hounsfield units, or the study cannot be read.
        OSError: the files cannot be written.
    """
    volume.grid.require_orthogonal("a CT series")
    with not_quoting():
        _require_hounsfield(volume)
        paths: list[Path] = []
        for image in _images(_header(volume, study), volume):
            progress("slices", len(paths), volume.shape_ijk[2])
            paths.append(folder / f"{len(paths) + 1:04d}.dcm")
            image.save_as(paths[-1], enforce_file_format=True)
    return paths


def _require_hounsfield(volume: Volume) -> None:
    """Of 16 bits with a sign, as the images store them."""
    low, high = float(volume.array.min()), float(volume.array.max())
    limits = np.iinfo(np.int16)
    if not (limits.min <= low and high <= limits.max):
        raise InputError(
            f"The values of {volume.name} reach from {low:g} to {high:g}, which are not Hounsfield units: a CT series "
            "cannot be made of it."
        )


def _header(volume: Volume, study: Path | None) -> Dataset:
    header = Dataset()
    for keyword in _EMPTY:
        setattr(header, keyword, None)
    header.StudyInstanceUID = generate_uid(prefix=None)
    header.update(_study_attributes(study) if study is not None else Dataset())
    header.SpecificCharacterSet = CHARACTER_SET
    header.SOPClassUID, header.Modality = CTImageStorage, "CT"
    header.SeriesInstanceUID, header.FrameOfReferenceUID = generate_uid(prefix=None), generate_uid(prefix=None)
    header.SeriesNumber = _SERIES_NUMBER
    # Not the name of the volume: it often is that of a file, and that of a patient.
    header.SeriesDescription = DESCRIPTION
    header.ImageType = ["DERIVED", "SECONDARY", "AXIAL"]
    header.DerivationDescription = "Made from a volume without DICOM images of its own; values rounded to whole HU."
    header.Manufacturer = header.ManufacturerModelName = SOFTWARE
    header.SoftwareVersions = __version__
    _add_time(header)
    _add_geometry(header, volume)
    _add_pixel_description(header, volume)
    return header


def _study_attributes(study: Path) -> Dataset:
    header = read_header(study) if is_dicom(study) else None
    if header is None:
        raise InputError(f"{study.name} is not a readable DICOM image: choose another study, or none.")
    attributes = Dataset()
    for keyword in _OF_STUDY:
        if keyword in header:
            attributes[keyword] = header[keyword]
    return attributes


def _add_time(header: Dataset) -> None:
    now = datetime.now()
    header.InstanceCreationDate = header.ContentDate = header.SeriesDate = now.strftime("%Y%m%d")
    header.InstanceCreationTime = header.ContentTime = header.SeriesTime = now.strftime("%H%M%S")


def _add_geometry(header: Dataset, volume: Volume) -> None:
    between_columns, between_rows, between_slices = volume.spacing
    axes = volume.grid.directions[:, :2].T * _TO_LPS
    header.ImageOrientationPatient = [decimal_string(value) for value in axes.ravel().tolist()]
    header.PixelSpacing = [decimal_string(between_rows), decimal_string(between_columns)]
    header.SliceThickness = header.SpacingBetweenSlices = decimal_string(between_slices)


def _add_pixel_description(header: Dataset, volume: Volume) -> None:
    header.Columns, header.Rows, _ = volume.shape_ijk
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    header.BitsAllocated, header.BitsStored, header.HighBit, header.PixelRepresentation = 16, 16, 15, 1
    header.RescaleIntercept, header.RescaleSlope, header.RescaleType = 0, 1, "HU"


def _images(header: Dataset, volume: Volume) -> Iterator[Dataset]:
    for k, plane in enumerate(volume.array):
        image = Dataset()
        image.update(header)
        image.SOPInstanceUID = generate_uid(prefix=None)
        image.InstanceNumber = k + 1
        position = volume.index_to_ras([[0, 0, k]])[0] * _TO_LPS
        image.ImagePositionPatient = [decimal_string(value) for value in position.tolist()]
        image.PixelData = _stored(plane)
        image["PixelData"].VR = "OW"
        image.file_meta = FileMetaDataset()
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        yield image


def _stored(plane: npt.NDArray[Any]) -> bytes:
    pixels: bytes = np.rint(plane).astype("<i2").tobytes()
    return pixels
