"""A DICOM segmentation of any writer as a segmentation that can be corrected further."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from vistaseg.dicom.correspondence import require_correspondence
from vistaseg.dicom.history import Predecessor, with_predecessor
from vistaseg.dicom.quoting import reason
from vistaseg.dicom.references import require_same_images
from vistaseg.dicom.seg_file import FrameSource, frame_count, frame_groups, group_values, load_seg, whole_number
from vistaseg.dicom.seg_grid import SegGrid, seg_grid
from vistaseg.dicom.segment_items import segment_of_item
from vistaseg.errors import InputError
from vistaseg.masks.boxed import NO_VOXELS, BoxedMask
from vistaseg.segmentation import Segment, Segmentation
from vistaseg.segmentation.resampling import Placed, onto_grid
from vistaseg.volume.dicom.files import damage
from vistaseg.volume.dicom.headers import not_quoting
from vistaseg.volume.dicom.values import read_numbers

if TYPE_CHECKING:
    from vistaseg.dicom.series import Series

FRACTION = 0.5
"""Voxels of a fractional segmentation count from here on."""


@dataclass(frozen=True, eq=False)
class SegImport:
    """What was read.

    Attributes:
        segmentation: on the grid of the series, or of the frames where no series was given.
        notes: what a user should know of it, a sentence or two each.
    """

    segmentation: Segmentation
    notes: tuple[str, ...] = ()


def read_seg(path: Path | str, series: Series | None = None) -> Segmentation:
    """As `import_seg`, without the notes."""
    return import_seg(path, series).segmentation


def import_seg(path: Path | str, series: Series | None = None) -> SegImport:
    """Read a DICOM segmentation: BINARY, LABELMAP, or FRACTIONAL from one half on, which its provenance then says.

    Args:
        series: that it refers to, whose grid the result is on: of frames on another grid the nearest voxel, which is
            noted. Without it the result is on the grid of the frames.

    Returns:
        Segments in order of their numbers, which are their label values. The provenance of each names the file by its
        UIDs, so that the next export can reference it.

    Raises:
        InputError: it cannot be read, makes no grid, refers to other images than the series, or to more of them, or
            lies elsewhere than the images that its frames name.
    """
    place = Path(path)
    with not_quoting():
        dataset = load_seg(place)
        try:
            if series is not None:
                require_same_images(dataset, series)
            found = _segmentation(dataset, place.stem)
            if series is not None:
                require_correspondence(dataset, series, float(np.linalg.norm(found.ijk_to_ras[:3, 2])))
        except InputError as error:
            raise InputError(f"{place.name}: {error}") from error
        except damage() as error:
            raise InputError(
                f"{place.name} lacks what a segmentation needs ({reason(error)}). Export it again."
            ) from error
    return SegImport(found) if series is None else _on_series(found, series, place.name)


def _on_series(found: Segmentation, series: Series, name: str) -> SegImport:
    sheared = _shear_mm(found)
    if sheared > min(series.volume.spacing[:2]) / 2:
        raise InputError(
            f"{name}: The frames are sheared against each other by {sheared:.1f} mm, and the slices of the series are "
            "not. Export the segmentation again."
        )
    placed = onto_grid(found, series.volume.grid)
    if placed.cut:
        named = ", ".join(placed.cut)
        raise InputError(f"{name}: Segments reach beyond the series ({named}). Give the whole series, with all slices.")
    return SegImport(placed.segmentation, tuple(_notes(found, placed)))


def _notes(found: Segmentation, placed: Placed) -> Iterator[str]:
    if not placed.aligned:
        yield "It lies on another grid than the series: each voxel of the series got the nearest one of it."
    pairs = zip(found.segments, placed.segmentation.segments, strict=True)
    lost = [one.name for one, other in pairs if one.voxel_count and not other.voxel_count]
    if lost:
        yield f"Empty on the series, because they lie beside it or are smaller than its voxels: {', '.join(lost)}."


def _shear_mm(found: Segmentation) -> float:
    """How far the last frame lies sideways of the first one: two frames alone do not tell a tilt from a mistake."""
    along_row, down_column, step = found.ijk_to_ras[:3, :3].T
    normal = np.cross(along_row, down_column)
    sideways = step - (step @ normal) / (normal @ normal) * normal
    return float(np.linalg.norm(sideways)) * (found.shape_ijk[2] - 1)


def _segmentation(dataset: Dataset, name: str) -> Segmentation:
    if not frame_groups(dataset):
        if "PixelData" not in dataset and frame_count(dataset) > 0:
            raise InputError("It is damaged: it breaks off before its frames. Copy or export it again.")
        raise InputError("It has no frames, so no segment has a voxel. Export it again.")
    grid = seg_grid(dataset)
    count = frame_count(dataset)
    if len(grid.k) != count:
        raise InputError(f"It has {count} frames, and functional groups for {len(grid.k)}. Export it again.")
    frames = FrameSource(dataset)
    masks = _labelmap_masks(frames, grid) if _is_labelmap(dataset) else _masks(dataset, frames, grid)
    _require_descriptions(dataset, masks)
    numbered = {_segment_number(item): item for item in dataset.SegmentSequence}
    segments = [_segment(dataset, item, masks.get(number)) for number, item in sorted(numbered.items()) if number]
    label = str(dataset.get("SeriesDescription", "") or name)
    return Segmentation(grid.shape_ijk, grid.ijk_to_ras, segments, label)


def _require_descriptions(dataset: Dataset, masks: dict[int, BoxedMask]) -> None:
    background = int(dataset.get("PixelPaddingValue") or 0) if _is_labelmap(dataset) else 0
    described = {_segment_number(item) for item in dataset.SegmentSequence} | {background}
    unknown = [str(number) for number, mask in sorted(masks.items()) if not mask.empty and number not in described]
    if unknown:
        raise InputError(
            f"It has voxels of segments that it does not describe (number {', '.join(unknown)}), so what they are is "
            "unknown. Export it again."
        )


def _segment_number(item: Dataset) -> int:
    """0 is the background of a label map."""
    numbers = read_numbers(item, "SegmentNumber").numbers
    return 0 if numbers is not None and numbers[0] == 0 else whole_number(item, "SegmentNumber")


def _is_labelmap(dataset: Dataset) -> bool:
    return str(dataset.SegmentationType) == "LABELMAP"


def _segment(dataset: Dataset, item: Dataset, mask: BoxedMask | None) -> Segment:
    segment = segment_of_item(item, mask or NO_VOXELS)
    known: dict[str, Any] = dict(segment.provenance)
    if dataset.SegmentationType == "FRACTIONAL":
        known["thresholded_at"] = FRACTION
    segment.provenance = with_predecessor(known, _predecessor(dataset, item))
    return segment


def _predecessor(dataset: Dataset, item: Dataset) -> Predecessor:
    return Predecessor(
        str(dataset.SOPClassUID),
        str(dataset.SOPInstanceUID),
        str(dataset.get("SeriesInstanceUID", "")),
        str(dataset.get("StudyInstanceUID", "")),
        int(item.SegmentNumber),
        str(item.get("TrackingID", "")),
        str(item.get("TrackingUID", "")),
        _series_number(dataset),
    )


def _series_number(dataset: Dataset) -> int:
    """0 where it has none that can be read."""
    numbers = read_numbers(dataset, "SeriesNumber").numbers
    return 0 if numbers is None else int(numbers[0])


def _labelmap_masks(frames: FrameSource, grid: SegGrid) -> dict[int, BoxedMask]:
    from vistaseg.segmentation.model import label_masks

    labels = np.zeros(grid.shape_ijk[::-1], dtype=np.uint16)
    for number, k in enumerate(grid.k):
        labels[k] = frames[number]
    return label_masks(labels)


def _masks(dataset: Dataset, frames: FrameSource, grid: SegGrid) -> dict[int, BoxedMask]:
    """The mask of each segment, one after the other, so that only one is ever held at full size."""
    threshold = _threshold(dataset)
    members: dict[int, list[int]] = defaultdict(list)
    numbers = group_values(dataset, "SegmentIdentificationSequence", "ReferencedSegmentNumber")
    nameless = sum(not isinstance(number, int) for number in numbers)
    if nameless:
        raise InputError(
            f"{nameless} of its {frames.count} frames name no segment (ReferencedSegmentNumber), so what they show is "
            "unknown. Export it again."
        )
    for frame, number in enumerate(numbers * (frames.count if len(numbers) == 1 else 1)):
        members[int(number)].append(frame)
    return {number: _mask(frames, grid, own, threshold) for number, own in members.items()}


def _threshold(dataset: Dataset) -> float:
    if dataset.SegmentationType == "FRACTIONAL":
        whole = float(dataset.MaximumFractionalValue)
        if whole <= 0:
            raise InputError("Its MaximumFractionalValue is not above zero, so no fraction is known. Export it again.")
        return FRACTION * whole
    return 1.0


def _mask(frames: FrameSource, grid: SegGrid, own: list[int], threshold: float) -> BoxedMask:
    slices = [grid.k[frame] for frame in own]
    first = min(slices)
    mask: npt.NDArray[np.bool_] = np.zeros((max(slices) - first + 1, *frames.shape), dtype=bool)
    for frame, k in zip(own, slices, strict=True):
        mask[k - first] |= frames[frame] >= threshold
    return BoxedMask.of(mask, (0, 0, first))
