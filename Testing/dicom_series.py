"""DICOM images for tests, written with pydicom from volumes: a CT series of single slices, or one enhanced CT.

All that identifies a person is synthetic, and listed in `IDENTITY`, so that a test can look for it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import (
    UID,
    CTImageStorage,
    EnhancedCTImageStorage,
    ExplicitVRLittleEndian,
    generate_uid,
)

from vistaseg.volume import Volume

Change = Callable[[FileDataset, int], None]

IDENTITY = {
    "PatientName": "Synthetica^Sibylla",
    "PatientID": "SYN4711X",
    "PatientBirthDate": "19330907",
    "OtherPatientIDs": "OTHER8822Y",
    "PatientAddress": "Nowhere Lane 99",
    "AccessionNumber": "ACC5599Z",
    "ReferringPhysicianName": "Fictitious^Ferdinand",
    "InstitutionName": "Imaginary Infirmary",
    "StudyID": "STUDY3377",
}
INTERCEPT = -1024
_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def uid_of(*words: object) -> UID:
    """The same UID for the same words, in every run."""
    return UID(generate_uid(entropy_srcs=["vistaseg tests", *map(str, words)]))


def ct_images(volume: Volume, series: str = "series", change: Change | None = None) -> list[FileDataset]:
    """A CT image for each slice k of a volume of HU on a rectangular grid, in order of k.

    Args:
        series: what the UIDs are made of.
        change: may alter each image, given with its k.
    """
    images = []
    for k in range(volume.shape_ijk[2]):
        image = _image(CTImageStorage, uid_of(series, k), series)
        _place(image, volume, k)
        _describe(image, volume, k)
        _fill(image, volume.array[k])
        if change is not None:
            change(image, k)
        images.append(image)
    return images


def write_series(folder: Path, volume: Volume, series: str = "series", change: Change | None = None) -> list[Path]:
    """Write the images of `ct_images` in files whose names are in no order; their paths in order of k."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for k, image in enumerate(ct_images(volume, series, change)):
        paths.append(folder / f"{(k * 7919) % 1000:03d}-{series}.dcm")
        image.save_as(paths[-1], enforce_file_format=True)
    return paths


def enhanced_ct(volume: Volume, order: list[int] | None = None, series: str = "enhanced") -> FileDataset:
    """One multi-frame CT of a volume.

    Args:
        order: slice k of each frame; by default they ascend.
    """
    frames = list(range(volume.shape_ijk[2])) if order is None else order
    image = _image(EnhancedCTImageStorage, uid_of(series), series)
    image.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    image.NumberOfFrames, image.InstanceNumber = len(frames), 1
    image.SharedFunctionalGroupsSequence = Sequence([_shared(volume)])
    image.PerFrameFunctionalGroupsSequence = Sequence([_frame(volume, k) for k in frames])
    _fill(image, volume.array[frames])
    del image.RescaleSlope, image.RescaleIntercept
    return image


def write_as_it_is(image: Dataset, keyword: str, value: bytes, vr: str = "DS") -> None:
    """Give an attribute a value that pydicom would not write."""
    tag = Tag(tag_for_keyword(keyword) or 0)
    image._dict[tag] = RawDataElement(tag, vr, len(value), value, 0, False, True)


def position_lps(volume: Volume, k: float) -> list[float]:
    """Where the centre of the first voxel of slice k is, in mm."""
    return [round(float(value), 8) for value in (_LPS[:3, :3] @ volume.index_to_ras([[0, 0, k]])[0])]


def orientation_lps(volume: Volume) -> list[float]:
    """Directions along a row, in which i grows, and down a column, in which j grows."""
    directions = _LPS[:3, :3] @ volume.grid.directions
    return [round(float(value), 10) for value in directions[:, :2].T.ravel()]


def _image(sop_class: UID, uid: UID, series: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, uid
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    image.SOPClassUID, image.SOPInstanceUID = sop_class, uid
    image.StudyInstanceUID = uid_of(series, "study")
    image.SeriesInstanceUID = uid_of(series, "series")
    image.FrameOfReferenceUID = uid_of(series, "frame of reference")
    for keyword, value in IDENTITY.items():
        setattr(image, keyword, value)
    image.PatientSex, image.PositionReferenceIndicator, image.PatientPosition = "O", "", "HFS"
    image.StudyDate = image.SeriesDate = image.ContentDate = image.AcquisitionDate = "20200102"
    image.StudyTime = image.SeriesTime = image.ContentTime = image.AcquisitionTime = "101112"
    image.Modality, image.Manufacturer, image.SeriesNumber = "CT", "Phantom works", 2
    image.StudyDescription, image.SeriesDescription = "Phantom", "Thorax"
    return image


def _place(image: FileDataset, volume: Volume, k: int) -> None:
    i, j, step = volume.spacing
    image.PixelSpacing, image.SliceThickness = [float(f"{j:.10g}"), float(f"{i:.10g}")], float(f"{step:.10g}")
    image.ImageOrientationPatient, image.ImagePositionPatient = orientation_lps(volume), position_lps(volume, k)


def _describe(image: FileDataset, volume: Volume, k: int) -> None:
    image.ImageType, image.KVP = ["ORIGINAL", "PRIMARY", "AXIAL"], 120
    image.InstanceNumber, image.AcquisitionNumber = volume.shape_ijk[2] - k, 1


def _fill(image: FileDataset, hounsfield: np.ndarray) -> None:
    """Pixels of 16 bits without a sign, as most scanners store them; what they cannot hold is clipped."""
    image.Rows, image.Columns = hounsfield.shape[-2:]
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 16, 15, 0
    image.RescaleSlope, image.RescaleIntercept, image.RescaleType = 1, INTERCEPT, "HU"
    image.PixelData = np.clip(hounsfield.astype(np.int32) - INTERCEPT, 0, 65535).astype("<u2").tobytes()
    image["PixelData"].VR = "OW"


def _shared(volume: Volume) -> Dataset:
    group, measures, orientation, rescale = Dataset(), Dataset(), Dataset(), Dataset()
    i, j, step = volume.spacing
    measures.PixelSpacing, measures.SliceThickness = [float(f"{j:.10g}"), float(f"{i:.10g}")], float(f"{step:.10g}")
    orientation.ImageOrientationPatient = orientation_lps(volume)
    rescale.RescaleSlope, rescale.RescaleIntercept, rescale.RescaleType = 1, INTERCEPT, "HU"
    group.PixelMeasuresSequence = Sequence([measures])
    group.PlaneOrientationSequence = Sequence([orientation])
    group.PixelValueTransformationSequence = Sequence([rescale])
    return group


def _frame(volume: Volume, k: int) -> Dataset:
    group, position, content = Dataset(), Dataset(), Dataset()
    position.ImagePositionPatient = position_lps(volume, k)
    content.StackID, content.InStackPositionNumber = "1", k + 1
    group.PlanePositionSequence, group.FrameContentSequence = Sequence([position]), Sequence([content])
    return group
