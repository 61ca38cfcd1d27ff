"""Whether what a DICOM segmentation says in one place agrees with what it says in another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from vistaseg.dicom.algorithm import MANUAL, TYPES
from vistaseg.dicom.findings import ValidationFinding
from vistaseg.dicom.quoting import reason
from vistaseg.dicom.references import frame_images, listed_images
from vistaseg.dicom.seg_file import FrameSource, frame_groups, group_values, shared_groups
from vistaseg.dicom.seg_grid import seg_grid
from vistaseg.errors import InputError

_GROUPS = {
    "FrameContentSequence": "Readers cannot tell the order of the frames.",
    "PlanePositionSequence": "The place of the frames is unknown.",
    "PlaneOrientationSequence": "The place of the frames is unknown.",
    "PixelMeasuresSequence": "The size of the voxels is unknown.",
}
_FRAME_SEGMENTS = ("SegmentIdentificationSequence", "ReferencedSegmentNumber")


def contradictions(dataset: Dataset) -> Iterator[ValidationFinding]:
    """What does not agree, or misleads readers, one finding each."""
    yield from _file_meta(dataset)
    yield from _segments(dataset)
    yield from _frame_counts(dataset)
    yield from _functional_groups(dataset)
    yield from _frame_segments(dataset)
    yield from _fractions(dataset)
    yield from _references(dataset)
    if frame_groups(dataset):
        yield from _geometry(dataset)
        yield from _voxels(dataset)


def _is_labelmap(dataset: Dataset) -> bool:
    return str(dataset.get("SegmentationType")) == "LABELMAP"


def _file_meta(dataset: Dataset) -> Iterator[ValidationFinding]:
    pairs = {"MediaStorageSOPInstanceUID": "SOPInstanceUID", "MediaStorageSOPClassUID": "SOPClassUID"}
    for stated, actual in pairs.items():
        if dataset.file_meta.get(stated) != dataset.get(actual):
            yield ValidationFinding(
                "error", f"{stated} is not the {actual} of the data set.", stated, "Archives file it wrongly."
            )


def _segments(dataset: Dataset) -> Iterator[ValidationFinding]:
    items = list(_numbered(dataset).values())
    numbers = [
        int(item.SegmentNumber)
        for item in dataset.get("SegmentSequence") or ()
        if item.get("SegmentNumber") is not None
    ]
    if _is_labelmap(dataset) and len(set(numbers)) < len(numbers):
        yield ValidationFinding("error", "Two segments have one number.", "SegmentSequence", "Readers mix them up.")
    if not _is_labelmap(dataset) and numbers != list(range(1, len(numbers) + 1)):
        yield ValidationFinding(
            "error", f"The segments are numbered {numbers}, not from 1 by one.", "SegmentSequence", "Names get shifted."
        )
    for item in items:
        yield from _algorithm(item)


def _numbered(dataset: Dataset) -> dict[int, Dataset]:
    """The segments that have a number, by it."""
    items = [item for item in dataset.get("SegmentSequence") or () if item.get("SegmentNumber") is not None]
    return {int(item.SegmentNumber): item for item in items}


def _algorithm(item: Dataset) -> Iterator[ValidationFinding]:
    where, type_ = f"SegmentSequence item {item.SegmentNumber}", item.get("SegmentAlgorithmType")
    if type_ not in TYPES:
        yield ValidationFinding("error", f"SegmentAlgorithmType is {type_!r}, none of {', '.join(TYPES)}.", where)
    elif type_ != MANUAL and not item.get("SegmentAlgorithmName"):
        yield ValidationFinding("error", f"SegmentAlgorithmName is missing, though the segment is {type_}.", where)


def _frame_counts(dataset: Dataset) -> Iterator[ValidationFinding]:
    stated, groups = int(dataset.get("NumberOfFrames") or 0), len(frame_groups(dataset))
    if not groups:
        what = "The segmentation has no frames."
        yield ValidationFinding(
            "error", what, "PerFrameFunctionalGroupsSequence", "No segment has a voxel; readers refuse it."
        )
    if stated != groups:
        what = f"NumberOfFrames is {stated}, and there are functional groups for {groups}."
        yield ValidationFinding(
            "error", what, "PerFrameFunctionalGroupsSequence", "Frames get lost, or into the wrong segment."
        )


def _functional_groups(dataset: Dataset) -> Iterator[ValidationFinding]:
    shared, frames = shared_groups(dataset), frame_groups(dataset)
    needed = _GROUPS | ({} if _is_labelmap(dataset) else {_FRAME_SEGMENTS[0]: "Frames belong to no segment."})
    for sequence, meaning in needed.items():
        without = sum(not group.get(sequence) for group in frames)
        if without and not shared.get(sequence):
            yield ValidationFinding("error", f"{sequence} is missing in {without} frames.", sequence, meaning)
        elif shared.get(sequence) and without < len(frames):
            what = f"{sequence} is shared and in {len(frames) - without} frames, too."
            yield ValidationFinding("error", what, sequence, "Readers may take either.")
    yield from _dimensions(dataset)


def _dimensions(dataset: Dataset) -> Iterator[ValidationFinding]:
    count = len(dataset.get("DimensionIndexSequence") or ())
    values = [_as_tuple(value) for value in group_values(dataset, "FrameContentSequence", "DimensionIndexValues")]
    if any(len(value) != count for value in values):
        what = f"DimensionIndexValues do not have a value for each of {count} dimensions."
        yield ValidationFinding(
            "error", what, "FrameContentSequence.DimensionIndexValues", "Readers cannot order the frames."
        )
    elif len(set(values)) < len(values):
        what = "Several frames have the same DimensionIndexValues."
        yield ValidationFinding(
            "error", what, "FrameContentSequence.DimensionIndexValues", "Readers keep only one of them."
        )


def _as_tuple(value: Any) -> tuple[int, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, int) else tuple(value)


def _frame_segments(dataset: Dataset) -> Iterator[ValidationFinding]:
    if _is_labelmap(dataset):
        return
    described = {item.get("SegmentNumber") for item in dataset.get("SegmentSequence") or ()}
    values = group_values(dataset, *_FRAME_SEGMENTS)
    named = set(values) - {None}
    if None in values:
        what = f"{values.count(None)} frames name no segment."
        yield ValidationFinding("error", what, ".".join(_FRAME_SEGMENTS), "What they show is unknown.")
    if named - described:
        what = f"Frames belong to segments that are not described: {sorted(named - described)}."
        yield ValidationFinding("error", what, ".".join(_FRAME_SEGMENTS), "They have no name and no code.")


def _fractions(dataset: Dataset) -> Iterator[ValidationFinding]:
    if dataset.get("SegmentationType") == "FRACTIONAL" and not (dataset.get("MaximumFractionalValue") or 0) > 0:
        what = "MaximumFractionalValue is missing or not above zero."
        yield ValidationFinding("error", what, "MaximumFractionalValue", "Readers cannot tell what is inside.")


def _references(dataset: Dataset) -> Iterator[ValidationFinding]:
    listed, by_frames = listed_images(dataset), frame_images(dataset)
    if not dataset.get("FrameOfReferenceUID"):
        yield ValidationFinding("error", "FrameOfReferenceUID is missing.", "FrameOfReferenceUID", "It lies nowhere.")
    if not listed and not by_frames:
        what = "No source image is referenced."
        yield ValidationFinding(
            "warning", what, "ReferencedSeriesSequence", "Viewers cannot find the images to show it on."
        )
    if by_frames - listed:
        what = f"{len(by_frames - listed)} images that frames refer to are not listed for the whole file."
        yield ValidationFinding("error", what, "ReferencedSeriesSequence", "Archives do not fetch them with it.")


def _geometry(dataset: Dataset) -> Iterator[ValidationFinding]:
    measures = (shared_groups(dataset).get("PixelMeasuresSequence") or [Dataset()])[0]
    where = "SharedFunctionalGroupsSequence.PixelMeasuresSequence"
    try:
        grid = seg_grid(dataset)
    except (InputError, AttributeError) as error:
        yield ValidationFinding("error", _said(error), where, "Readers place it wrongly or not at all.")
        return
    stated = measures.get("SpacingBetweenSlices")
    if not stated:
        what = "SpacingBetweenSlices is missing."
        yield ValidationFinding(
            "warning", what, where, "Some readers take the thickness for the distance of the slices."
        )
        return
    distance = float(np.linalg.norm(grid.ijk_to_ras[:3, 2]))
    if max(grid.k) > 0 and abs(abs(float(stated)) - distance) > 0.1 * distance:
        what = f"SpacingBetweenSlices is {float(stated):g} mm, and the frames lie {distance:g} mm apart."
        yield ValidationFinding("error", what, where, "Some readers place the frames wrongly.")


def _voxels(dataset: Dataset) -> Iterator[ValidationFinding]:
    """Blank frames, segments without a voxel, and overlaps that the file does not tell."""
    try:
        frames = FrameSource(dataset)
        grid = seg_grid(dataset)
    except (InputError, AttributeError) as error:
        yield ValidationFinding("error", _said(error), "PixelData", "Readers refuse it.")
        return
    if frames.count != len(grid.k):
        return
    used, blank, covered = _survey(dataset, frames, grid.k)
    described = {number: str(item.get("SegmentLabel", "")) for number, item in _numbered(dataset).items()}
    empty = [label for number, label in described.items() if number and not used[number]]
    if blank:
        yield ValidationFinding(
            "warning", f"{blank} frames hold no voxel.", "PixelData", "They only make the file larger."
        )
    if empty:
        what = f"Segments without a voxel: {', '.join(empty)}."
        yield ValidationFinding(
            "warning", what, "SegmentSequence", "3D Slicer then gives the names to the wrong segments."
        )
    if set(used) - set(described):
        what = f"Voxels of segments that are not described: {sorted(set(used) - set(described))}."
        yield ValidationFinding("error", what, "PixelData", "They have no name and no code.")
    if covered and dataset.get("SegmentsOverlap") == "NO":
        yield ValidationFinding(
            "error", "SegmentsOverlap is NO, and segments overlap.", "SegmentsOverlap", "Readers lose voxels."
        )


def _said(error: InputError | AttributeError) -> str:
    return str(error) if isinstance(error, InputError) else f"{reason(error)} is missing."


def _survey(dataset: Dataset, frames: FrameSource, k: tuple[int, ...]) -> tuple[Counter[int], int, bool]:
    """Voxels of each segment, number of blank frames, and whether a voxel belongs to two segments."""
    used: Counter[int] = Counter()
    blank, overlap = 0, False
    numbers = group_values(dataset, *_FRAME_SEGMENTS)
    numbers = numbers * (frames.count if len(numbers) == 1 else 1)
    covered: dict[int, np.ndarray] = {}
    for frame, slice_k in enumerate(k):
        values = frames[frame]
        inside = values != 0
        blank += not inside.any()
        if _is_labelmap(dataset):
            used.update(dict(zip(*(part.tolist() for part in np.unique(values, return_counts=True)), strict=True)))
            continue
        used[int(numbers[frame] or 0)] += int(np.count_nonzero(inside))
        before = covered.setdefault(slice_k, np.zeros(frames.shape, dtype=bool))
        overlap = overlap or bool((before & inside).any())
        before |= inside
    return used, blank, overlap
