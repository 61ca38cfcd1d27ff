"""Which DICOM segmentations a segment came from: kept in its provenance, named in the next export."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from vistaseg.catalog import Code
from vistaseg.dicom.codes import code_sequence

SOURCE_KEY = "dicom_segmentation"
"""Of the provenance of a segment that was read from a DICOM segmentation."""

_PREDECESSOR = Code("121322", "DCM", "Source image for image processing operation")


@dataclass(frozen=True)
class Predecessor:
    """A DICOM segmentation, and which of its segments."""

    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    study_instance_uid: str
    segment_number: int
    tracking_id: str = ""
    tracking_uid: str = ""
    series_number: int = 0


def with_predecessor(provenance: Mapping[str, Any], predecessor: Predecessor) -> dict[str, Any]:
    """The provenance of a segment that was read from `predecessor`."""
    return {**provenance, SOURCE_KEY: asdict(predecessor)}


def predecessor_of(provenance: Mapping[str, Any]) -> Predecessor | None:
    """Where a segment, or the one that it is a correction of, was read from last."""
    noted, before = provenance.get(SOURCE_KEY), provenance.get("corrected")
    if isinstance(noted, Mapping):
        try:
            return Predecessor(**noted)
        except TypeError:  # another program's note under the same key
            return None
    return predecessor_of(before) if isinstance(before, Mapping) else None


def predecessors(provenances: Iterable[Mapping[str, Any]]) -> list[Predecessor]:
    """One for each DICOM segmentation that segments with these provenances came from."""
    found = {known.sop_instance_uid: known for known in _known(provenances)}
    return list(found.values())


def _known(provenances: Iterable[Mapping[str, Any]]) -> Iterator[Predecessor]:
    for provenance in provenances:
        predecessor = predecessor_of(provenance)
        if predecessor is not None:
            yield predecessor


def add_predecessors(dataset: Dataset, found: Iterable[Predecessor]) -> None:
    """Reference the segmentations that `dataset` corrects or takes up.

    A segmentation is an image, so they belong to the Source Image Sequence (PS3.3 C.7.6.1.1.4), and to the Common
    Instance Reference module (C.12.2) like every instance that is referenced.
    """
    for predecessor in found:
        dataset.SourceImageSequence.append(_reference(predecessor, with_purpose=True))
        _add_to_instances(dataset, predecessor)


def _reference(predecessor: Predecessor, with_purpose: bool = False) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = predecessor.sop_class_uid
    item.ReferencedSOPInstanceUID = predecessor.sop_instance_uid
    if with_purpose:
        item.PurposeOfReferenceCodeSequence = code_sequence(_PREDECESSOR)
    return item


def _add_to_instances(dataset: Dataset, predecessor: Predecessor) -> None:
    series = Dataset()
    series.SeriesInstanceUID = predecessor.series_instance_uid
    series.ReferencedInstanceSequence = Sequence([_reference(predecessor)])
    if predecessor.study_instance_uid == dataset.StudyInstanceUID:
        dataset.ReferencedSeriesSequence.append(series)
        return
    study = Dataset()
    study.StudyInstanceUID = predecessor.study_instance_uid
    study.ReferencedSeriesSequence = Sequence([series])
    others = dataset.get("StudiesContainingOtherReferencedInstancesSequence") or Sequence()
    dataset.StudiesContainingOtherReferencedInstancesSequence = Sequence([*others, study])
