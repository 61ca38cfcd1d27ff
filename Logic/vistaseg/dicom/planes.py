"""The slices of a series as its headers tell them: where each lies, and how it is referenced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence

from vistaseg.catalog import Code
from vistaseg.dicom.codes import code_sequence
from vistaseg.volume.dicom.values import read_numbers

if TYPE_CHECKING:
    from vistaseg.dicom.series import Series

_SEGMENTATION = Code("113076", "DCM", "Segmentation")
_SOURCE_IMAGE = Code("121322", "DCM", "Source image for image processing operation")


@dataclass(frozen=True)
class Plane:
    """One slice.

    Attributes:
        position: Image Position (Patient), LPS mm, as the header has it.
        orientation: Image Orientation (Patient): along a row, down a column.
        pixel_spacing: between rows, between columns, in mm.
        slice_thickness: in mm, None where the file does not state it.
        sop_class_uid, sop_instance_uid: of the image.
        frame: number of the frame in a multi-frame image, from 1; None for an image of one slice.
    """

    position: tuple[float, ...]
    orientation: tuple[float, ...]
    pixel_spacing: tuple[float, ...]
    slice_thickness: float | None
    sop_class_uid: str
    sop_instance_uid: str
    frame: int | None = None


def planes_of(series: Series) -> list[Plane]:
    """The slices of a series in order of k."""
    if series.frames is None:
        return [_plane(dataset, [dataset], None) for dataset in series.datasets]
    image = series.datasets[0]
    return [_plane(image, _groups(image, frame), frame) for frame in series.frames]


def _groups(image: Dataset, frame: int) -> list[Dataset]:
    """What holds the geometry of a frame of a multi-frame image: its own functional groups, then the shared ones."""
    groups = [image.PerFrameFunctionalGroupsSequence[frame - 1], *image.get("SharedFunctionalGroupsSequence", ())]
    keywords = ("PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence")
    return [group[keyword].value[0] for keyword in keywords for group in groups if group.get(keyword)]


def _plane(image: Dataset, holders: Sequence[Dataset], frame: int | None) -> Plane:
    thickness = _numbers(holders, "SliceThickness", 1)
    return Plane(
        _numbers(holders, "ImagePositionPatient", 3),
        _numbers(holders, "ImageOrientationPatient", 6),
        _numbers(holders, "PixelSpacing", 2),
        thickness[0] if thickness and thickness[0] > 0 else None,
        str(image.SOPClassUID),
        str(image.SOPInstanceUID),
        frame,
    )


def _numbers(holders: Sequence[Dataset], keyword: str, count: int) -> tuple[float, ...]:
    """From the first holder that says something legible; empty where none does."""
    stated = (read_numbers(holder, keyword, count).numbers for holder in holders)
    found = next((numbers for numbers in stated if numbers is not None), None)
    return () if found is None else tuple(found.tolist())


def derivation(plane: Plane) -> Dataset:
    """The functional group that says which slice a frame was made from (PS3.3 C.7.6.16.2.6)."""
    source = Dataset()
    source.ReferencedSOPClassUID, source.ReferencedSOPInstanceUID = plane.sop_class_uid, plane.sop_instance_uid
    if plane.frame is not None:
        source.ReferencedFrameNumber = plane.frame
    source.SpatialLocationsPreserved = "YES"
    source.PurposeOfReferenceCodeSequence = code_sequence(_SOURCE_IMAGE)
    image = Dataset()
    image.SourceImageSequence = DicomSequence([source])
    image.DerivationCodeSequence = code_sequence(_SEGMENTATION)
    group = Dataset()
    group.DerivationImageSequence = DicomSequence([image])
    return group


def plane_position(plane: Plane) -> Dataset:
    """The functional group that says where a frame lies (PS3.3 C.7.6.16.2.3)."""
    place = Dataset()
    place.ImagePositionPatient = [decimal_string(value) for value in plane.position]
    group = Dataset()
    group.PlanePositionSequence = DicomSequence([place])
    return group


def decimal_string(value: float) -> str:
    """The nearest number that VR DS can hold in its 16 characters."""
    from pydicom.valuerep import format_number_as_ds

    text = repr(value)
    return text if len(text) <= 16 else format_number_as_ds(value)
