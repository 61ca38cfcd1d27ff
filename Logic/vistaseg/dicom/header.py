"""The attributes of a segmentation but for its frames: made by highdicom from the headers of the source images."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import UID, generate_uid

from vistaseg import __version__
from vistaseg.dicom.codes import short_text
from vistaseg.dicom.history import Predecessor, add_predecessors, predecessors
from vistaseg.dicom.mending import TYPE_2
from vistaseg.dicom.planes import Plane, decimal_string
from vistaseg.dicom.quoting import reason
from vistaseg.dicom.segment_items import segment_item
from vistaseg.errors import InputError
from vistaseg.segmentation import Segment
from vistaseg.volume.dicom.slices import SOFTWARE
from vistaseg.volume.dicom.values import named, quoted

if TYPE_CHECKING:
    from vistaseg.dicom.series import Series

CHARACTER_SET = "ISO_IR 192"
"""UTF-8: names of segments may be in any script."""

_SERIES_NUMBER = 700
_MOST_SERIES = 100_000
"""Numbers from here on were not counted, but made from a time or a UID, so counting does not go on from there."""

_OF_NOBODY = ("SpecificCharacterSet", "PatientSex", "PositionReferenceIndicator")
"""Attributes whose values do not identify a patient, and may be quoted."""

_SAME_DIRECTION = 1e-4  # of a unit vector: 0.05 mm across a large image


@dataclass(frozen=True)
class Description:
    """What the export says of itself.

    Attributes:
        text: Series Description and Content Description.
        creator: Content Creator's Name, in DICOM's form Family^Given.
        series_number: of the new series; a correction of a segmentation with this number or a higher one gets the next.
    """

    text: str = "Segmentation by VistaSeg"
    creator: str = f"{SOFTWARE}^"
    series_number: int = _SERIES_NUMBER


def make_header(
    segments: Sequence[Segment], series: Series, planes: Sequence[Plane], labelmap: bool, description: Description
) -> Dataset:
    """The dataset of a segmentation without its Per-Frame Functional Groups and without Pixel Data.

    highdicom is given one blank frame, because what it makes of the real ones takes too long; the frames follow.

    Raises:
        InputError: the images are of several studies or orientations, of a private class, or highdicom cannot use
            their headers; says why.
    """
    _require_one_study(series)
    _require_one_orientation(planes)
    _require_public_class(planes[0])
    items = [segment_item(segment, number) for number, segment in enumerate(segments, start=1)]
    try:
        dataset = _blank_segmentation(items, series, planes[0], labelmap, description)
    except (AttributeError, TypeError, ValueError, KeyError) as error:
        blamed = _blamed(items, series, planes[0], labelmap, description) or reason(error)
        raise InputError(
            f"The headers of the series do not allow a DICOM segmentation ({blamed}). Export the series again, with "
            "all of its attributes."
        ) from error
    dataset.SpecificCharacterSet = CHARACTER_SET
    del dataset.PixelData, dataset.PerFrameFunctionalGroupsSequence
    _mend_shared_groups(dataset, series.volume.spacing[2])
    dataset.SegmentSequence = _with_background(dataset, items)
    before = predecessors(segment.provenance for segment in segments)
    add_predecessors(dataset, before)
    dataset.SeriesNumber = _series_number(description, before)
    return dataset


def _series_number(description: Description, before: Sequence[Predecessor]) -> int:
    """Above those of the segmentations that are corrected and of their reports, which have the next number."""
    taken = [one.series_number for one in before if description.series_number <= one.series_number < _MOST_SERIES]
    return max([description.series_number, *(number + 2 for number in taken)])


def _blamed(
    items: Sequence[Dataset], series: Series, plane: Plane, labelmap: bool, description: Description
) -> str | None:
    """The attribute without which highdicom would not have failed: its errors name none."""
    for keyword in ("SpecificCharacterSet", *TYPE_2, "StudyDescription", "PatientAge", "PatientSize", "PatientWeight"):
        if not series.datasets[0].get(keyword):
            continue
        without = replace(series, datasets=tuple(_emptied(image, keyword) for image in series.datasets))
        with contextlib.suppress(AttributeError, TypeError, ValueError, KeyError):
            _blank_segmentation(items, without, plane, labelmap, description)
            value = str(series.datasets[0].get(keyword))
            return named(keyword) + (f", which is {quoted(value)}" if keyword in _OF_NOBODY else "")
    return None


def _emptied(image: Dataset, keyword: str) -> Dataset:
    copy = Dataset()
    copy.update(image)
    setattr(copy, keyword, None)
    return copy


def _require_one_study(series: Series) -> None:
    studies = len({str(image.get("StudyInstanceUID", "")) for image in series.datasets})
    if studies > 1:
        raise InputError(
            f"The images of the series name {studies} different studies (StudyInstanceUID), and a DICOM segmentation "
            "belongs to one. Export the series again, with one study, or save the segmentation as another format."
        )


def _require_one_orientation(planes: Sequence[Plane]) -> None:
    vectors = np.array([plane.orientation for plane in planes])
    turned = float(np.abs(vectors - vectors[0]).max())
    if turned > _SAME_DIRECTION:
        raise InputError(
            f"The images of the series are turned against each other by {np.degrees(turned):.2g} degrees "
            "(ImageOrientationPatient), and a DICOM segmentation has one orientation. Export the series again, or save "
            "the segmentation as another format."
        )


def _require_public_class(plane: Plane) -> None:
    if UID(plane.sop_class_uid).is_private:
        raise InputError(
            f"The images are of a private kind (SOPClassUID {plane.sop_class_uid}), which a DICOM segmentation cannot "
            "refer to so that others find them. Export the series again as CT images, or save the segmentation as "
            "another format."
        )


def _mend_shared_groups(dataset: Dataset, distance: float) -> None:
    """highdicom takes the distance of slices from its one blank frame, and shares the segment where there is one.

    Without Spacing Between Slices readers take the thickness for it. Where the images tell no legible thickness, the
    distance stands for it.
    """
    shared = dataset.SharedFunctionalGroupsSequence[0]
    measures = shared.PixelMeasuresSequence[0]
    measures.SpacingBetweenSlices = decimal_string(distance)
    measures.SliceThickness = measures.get("SliceThickness") or decimal_string(distance)
    shared.pop("SegmentIdentificationSequence", None)


def _blank_segmentation(
    items: Sequence[Dataset], series: Series, plane: Plane, labelmap: bool, description: Description
) -> Dataset:
    import highdicom

    i, j, _ = series.volume.shape_ijk
    return highdicom.seg.Segmentation(
        source_images=_source_images(series),
        pixel_array=np.zeros((1, j, i), dtype=np.uint8),
        segmentation_type="LABELMAP" if labelmap else "BINARY",
        segment_descriptions=[_placeholder(item) for item in items],
        series_instance_uid=generate_uid(prefix=None),
        series_number=description.series_number,
        sop_instance_uid=generate_uid(prefix=None),
        instance_number=1,
        content_label="SEGMENTATION",
        omit_empty_frames=False,
        **_texts(description),
        **_geometry(series, plane),
    )


def _source_images(series: Series) -> list[Dataset]:
    """highdicom asks each image of one slice for its thickness, which the file may omit: then it is the distance.

    It also wants the very same directions in all of them, which differ by rounding in some series, and those of a
    multi-frame image shared by its frames.
    """
    images = list(series.datasets)
    if series.frames is not None:
        return [_with_shared_geometry(images[0], series.frames[0])]
    whole = all(image.get("SliceThickness") for image in images)
    same = all(image.ImageOrientationPatient == images[0].ImageOrientationPatient for image in images)
    return images if whole and same else [_with_geometry(image, series) for image in images]


def _with_shared_geometry(image: Dataset, frame: int) -> Dataset:
    shared, copy = Dataset(), Dataset()
    shared.update((image.get("SharedFunctionalGroupsSequence") or [Dataset()])[0])
    for keyword in ("PixelMeasuresSequence", "PlaneOrientationSequence"):
        setattr(shared, keyword, shared.get(keyword) or image.PerFrameFunctionalGroupsSequence[frame - 1].get(keyword))
    copy.update(image)
    copy.SharedFunctionalGroupsSequence = DicomSequence([shared])
    return copy


def _with_geometry(image: Dataset, series: Series) -> Dataset:
    copy = Dataset()
    copy.update(image)
    copy.SliceThickness = image.get("SliceThickness") or decimal_string(series.volume.spacing[2])
    copy.ImageOrientationPatient = series.datasets[0].ImageOrientationPatient
    return copy


def _texts(description: Description) -> dict[str, Any]:
    text = short_text(description.text)
    return {
        "manufacturer": SOFTWARE,
        "manufacturer_model_name": SOFTWARE,
        "software_versions": __version__,
        "device_serial_number": __version__,
        "series_description": text,
        "content_description": text,
        "content_creator_name": description.creator,
    }


def _geometry(series: Series, plane: Plane) -> dict[str, Any]:
    import highdicom

    return {
        "pixel_measures": highdicom.PixelMeasuresSequence(
            pixel_spacing=plane.pixel_spacing,
            slice_thickness=plane.slice_thickness or series.volume.spacing[2],
        ),
        "plane_orientation": highdicom.PlaneOrientationSequence("PATIENT", plane.orientation),
        "plane_positions": [highdicom.PlanePositionSequence("PATIENT", plane.position)],
    }


def _placeholder(item: Dataset) -> Any:
    """A description that highdicom accepts; the items themselves take its place, because it has no laterality."""
    import highdicom
    from pydicom.sr.codedict import codes

    return highdicom.seg.SegmentDescription(
        segment_number=item.SegmentNumber,
        segment_label=item.SegmentLabel,
        segmented_property_category=codes.SCT.Tissue,
        segmented_property_type=codes.SCT.Tissue,
        algorithm_type="MANUAL",
        display_color=highdicom.color.CIELabColor.from_dicom_value(tuple(item.RecommendedDisplayCIELabValue)),
    )


def _with_background(dataset: Dataset, items: list[Dataset]) -> list[Dataset]:
    """A label map describes its background, too, as number 0."""
    return [*(item for item in dataset.SegmentSequence if item.SegmentNumber == 0), *items]
