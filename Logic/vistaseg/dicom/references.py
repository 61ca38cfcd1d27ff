"""Which images a DICOM segmentation refers to, and whether they are those of a series."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from pydicom.dataset import Dataset

from vistaseg.dicom.seg_file import SEGMENTATION_CLASSES, frame_groups, shared_groups
from vistaseg.errors import InputError

if TYPE_CHECKING:
    from vistaseg.dicom.series import Series

_FRAME_OF_REFERENCE = re.compile(r"frames? ?of ?reference", re.IGNORECASE)


def referenced_images(dataset: Dataset) -> set[str]:
    """SOP instance UIDs of the images that a segmentation names as its source; other segmentations do not count.

    The frames, which may be thousands, are read only where the list of the whole file is missing.
    """
    return listed_images(dataset) or frame_images(dataset)


def listed_images(dataset: Dataset) -> set[str]:
    """SOP instance UIDs of the images in the list of the whole file (PS3.3 C.12.2)."""
    return {uid for series in _all_series(dataset) for uid in _images(series.get("ReferencedInstanceSequence") or ())}


def listed_series(dataset: Dataset) -> set[str]:
    """SeriesInstanceUIDs of the images in the list of the whole file."""
    listed = ((series, set(_images(series.get("ReferencedInstanceSequence") or ()))) for series in _all_series(dataset))
    return {str(series.get("SeriesInstanceUID", "")) for series, images in listed if images} - {""}


def _all_series(dataset: Dataset) -> Iterator[Dataset]:
    yield from dataset.get("ReferencedSeriesSequence") or ()
    for study in dataset.get("StudiesContainingOtherReferencedInstancesSequence") or ():
        yield from study.get("ReferencedSeriesSequence") or ()


def frame_images(dataset: Dataset) -> set[str]:
    """SOP instance UIDs of the images that the frames were made from."""
    groups = [shared_groups(dataset), *frame_groups(dataset)]
    derivations = [item for group in groups for item in group.get("DerivationImageSequence") or ()]
    return {uid for item in derivations for uid in _images(item.get("SourceImageSequence") or ())}


def _images(items: Iterable[Dataset]) -> Iterator[str]:
    for item in items:
        if str(item.get("ReferencedSOPClassUID", "")) not in SEGMENTATION_CLASSES:
            yield str(item.get("ReferencedSOPInstanceUID", ""))


def require_same_images(dataset: Dataset, series: Series) -> None:
    """Check that a segmentation belongs to a series.

    Where it names images, one of them has to be of the series. The frame of reference has to be the same, unless
    that of the series was mended and so is not the one that the writer of the segmentation saw.

    Raises:
        InputError: it belongs to other images.
    """
    own = {str(image.SOPInstanceUID) for image in series.datasets}
    named = referenced_images(dataset)
    if named and not named & own:
        raise InputError(
            f"It refers to other images than the series {_series_name(series)}. Give the series of its own."
        )
    place, here = (str(item.get("FrameOfReferenceUID", "")) for item in (dataset, series.datasets[0]))
    mended = any(_FRAME_OF_REFERENCE.search(note) for note in series.mended)
    if place != here and not (named and mended):
        raise InputError(
            f"It lies in another frame of reference ({place or 'none'}) than the series ({here or 'none'}), so its "
            "place in it is unknown. Give the series of its own."
        )


def _series_name(series: Series) -> str:
    return str(series.datasets[0].get("SeriesInstanceUID", "")) or "given"
