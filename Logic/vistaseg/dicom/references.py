"""Which images a DICOM segmentation refers to, and whether they are those of a series."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydicom.dataset import Dataset

from vistaseg.dicom.seg_file import SEGMENTATION_CLASSES, frame_groups, shared_groups
from vistaseg.errors import InputError

if TYPE_CHECKING:
    from vistaseg.dicom.series import Series


def referenced_images(dataset: Dataset) -> set[str]:
    """SOP instance UIDs of all images that a segmentation names as its source; other segmentations do not count."""
    return set(_listed(dataset)) | set(_derived(dataset))


def _listed(dataset: Dataset) -> Iterator[str]:
    for series in _all_series(dataset):
        yield from _images(series.get("ReferencedInstanceSequence") or ())


def _all_series(dataset: Dataset) -> Iterator[Dataset]:
    yield from dataset.get("ReferencedSeriesSequence") or ()
    for study in dataset.get("StudiesContainingOtherReferencedInstancesSequence") or ():
        yield from study.get("ReferencedSeriesSequence") or ()


def _derived(dataset: Dataset) -> Iterator[str]:
    """What the frames name; all of them are asked only where the list of the whole file is missing."""
    if dataset.get("ReferencedSeriesSequence"):
        return
    for group in (shared_groups(dataset), *frame_groups(dataset)):
        for image in group.get("DerivationImageSequence") or ():
            yield from _images(image.get("SourceImageSequence") or ())


def _images(items: object) -> Iterator[str]:
    for item in items:  # type: ignore[attr-defined]
        if str(item.get("ReferencedSOPClassUID", "")) not in SEGMENTATION_CLASSES:
            yield str(item.get("ReferencedSOPInstanceUID", ""))


def require_same_images(dataset: Dataset, series: Series, name: str) -> None:
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
    mended = any("frame of reference" in note.lower() for note in series.mended)
    if place != here and not (named and mended):
        raise InputError(
            f"It lies in another frame of reference ({place or 'none'}) than the series ({here or 'none'}), so its "
            "place in it is unknown. Give the series of its own."
        )


def _series_name(series: Series) -> str:
    return str(series.datasets[0].get("SeriesInstanceUID", "")) or "given"
