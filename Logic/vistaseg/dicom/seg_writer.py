"""A segmentation as a DICOM segmentation (PS3.3 A.51) of the series that it was made on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence

from vistaseg.dicom.algorithm import is_recorded, is_shortened
from vistaseg.dicom.encoding import (
    LONGEST_VALUE,
    DatasetWriter,
    encoded,
    file_beginning,
    frame_content,
    item,
    long_element,
)
from vistaseg.dicom.frames import (
    FramePlace,
    binary_bytes,
    binary_places,
    labelmap_bytes,
    labelmap_dtype,
    labelmap_places,
)
from vistaseg.dicom.header import CHARACTER_SET, Description, make_header
from vistaseg.dicom.measures import loss_notes
from vistaseg.dicom.planes import Plane, derivation, plane_position, planes_of
from vistaseg.dicom.segment_items import LONGEST_DESCRIPTION
from vistaseg.dicom.verifying import require_same
from vistaseg.errors import InputError, UsageError
from vistaseg.io import replacing, settle
from vistaseg.segmentation import Segment, Segmentation, overlapping_pairs
from vistaseg.segmentation.resampling import onto_grid
from vistaseg.volume.dicom.headers import not_quoting

if TYPE_CHECKING:
    from vistaseg.dicom.series import Series


@dataclass(frozen=True, eq=False)
class SegExport:
    """What was written.

    Attributes:
        segmentation: as it is in the file: on the grid of the series, without empty segments.
        header: the dataset of the file without its frames; has the UIDs.
        left_out: segments without a voxel.
        notes: what a user should know of it, a sentence or two each.
    """

    path: Path
    segmentation: Segmentation
    header: Dataset
    left_out: tuple[Segment, ...]
    notes: tuple[str, ...]


def write_seg(
    segmentation: Segmentation,
    series: Series,
    path: Path | str,
    *,
    labelmap: bool = False,
    deflate: bool = False,
    description: Description | None = None,
    announce: Callable[[int], None] | None = None,
) -> SegExport:
    """Write a DICOM segmentation, and read it back before it takes its place.

    Args:
        segmentation: on any grid; on another than the series' it is resampled to the nearest voxel, which is noted.
        series: the images that it refers to.
        labelmap: one frame a slice for all segments, which readers of before 2024 do not know; else one bit a voxel
            and a frame for each slice of each segment.
        deflate: pack the file (Deflated Explicit VR Little Endian): a small part of the size, but not every program
            reads it. By default it is plain Explicit VR Little Endian.
        description: what the file says of itself.
        announce: is called with the size of the file in bytes before it is written; what is deflated gets smaller.

    Raises:
        InputError: the headers of the series do not allow it, or no segment has a voxel.
        UsageError: segments overlap in a label map, or the file cannot be written.
        VistaSegError: what was read back is not what was meant; the file was removed.
    """
    with not_quoting():
        form = _Form(labelmap, deflate, announce or (lambda _: None))
        return _export(segmentation, series, Path(path), form, description or Description())


@dataclass(frozen=True)
class _Form:
    labelmap: bool
    deflate: bool
    announce: Callable[[int], None]


def _export(segmentation: Segmentation, series: Series, path: Path, form: _Form, description: Description) -> SegExport:
    placed, notes = _on_series(segmentation, series)
    segments = [segment for segment in placed.segments if segment.voxel_count]
    left_out = tuple(segment for segment in placed.segments if not segment.voxel_count)
    _require_content(segments, form.labelmap)
    meant = Segmentation(placed.shape_ijk, placed.ijk_to_ras, segments, placed.name)
    planes = planes_of(series)
    header = make_header(segments, series, planes, form.labelmap, description)
    with replacing(path) as file:
        _write(file, header, meant, planes, form)
        settle(file)
        require_same(meant, header, series, Path(file.name))
    notes = [
        *notes,
        *_left_out_notes(segmentation, placed),
        *loss_notes(placed.segments, series.volume.grid),
        *_unrecorded_notes(segments),
        *_shortened_notes(segments),
    ]
    return SegExport(path, meant, header, left_out, tuple(notes))


def _on_series(segmentation: Segmentation, series: Series) -> tuple[Segmentation, list[str]]:
    placed = onto_grid(segmentation, series.volume.grid)
    notes = []
    if not placed.aligned:
        notes.append("The segmentation lies on another grid than the series: it was resampled to the nearest voxel.")
    return placed.segmentation, notes


def _require_content(segments: Sequence[Segment], labelmap: bool) -> None:
    if not segments:
        raise InputError("No segment has a voxel on the series, and DICOM has no segmentation without any.")
    pairs = overlapping_pairs(segments) if labelmap else []
    if pairs:
        named = ", ".join(f"{segments[a].name} with {segments[b].name}" for a, b in pairs[:5])
        raise UsageError(f"A label map cannot hold segments that overlap: {named}. Export them without a label map.")


def _left_out_notes(given: Segmentation, placed: Segmentation) -> list[str]:
    """Distinguishes segments that were empty from those that lost all of their voxels on the grid of the series."""
    pairs = zip(given.segments, placed.segments, strict=True)
    left_out = [
        (one.name, one.voxel_count if one.drawn is None else one.drawn.voxels)
        for one, other in pairs
        if not other.voxel_count
    ]
    reasons = {
        "they are empty": [name for name, voxels in left_out if not voxels],
        "none of their voxels lies on the series: they are outside it, or smaller than its voxels": [
            name for name, voxels in left_out if voxels
        ],
    }
    return [f"Left out, because {reason}: {', '.join(names)}." for reason, names in reasons.items() if names]


def _unrecorded_notes(segments: Iterable[Segment]) -> list[str]:
    listed = ", ".join(segment.name for segment in segments if not is_recorded(segment.provenance))
    if not listed:
        return []
    return [f"How these were made is not recorded, so they say SEMIAUTOMATIC by an unknown algorithm: {listed}."]


def _shortened_notes(segments: Iterable[Segment]) -> Iterator[str]:
    segments = list(segments)
    histories = ", ".join(segment.name for segment in segments if is_shortened(segment.provenance))
    if histories:
        yield f"DICOM has no room for the whole history of these, so it counts the prompts alone: {histories}."
    names = ", ".join(f"{segment.name[:40]}..." for segment in segments if len(segment.name) > LONGEST_DESCRIPTION)
    if names:
        yield f"DICOM has no room for these names, so they are cut: {names}."


def _write(file: IO[bytes], header: Dataset, meant: Segmentation, planes: Sequence[Plane], form: _Form) -> None:
    """Complete the header and write it, the functional groups of the frames, and the frames."""
    segments, shape = meant.segments, meant.shape_ijk
    places = (labelmap_places if form.labelmap else binary_places)(segments)
    bits = 8 * labelmap_dtype(len(segments)).itemsize if form.labelmap else 1
    length = -(-len(places) * shape[0] * shape[1] * bits // 8)
    _require_length(length)
    header.NumberOfFrames = len(places)
    header.SegmentsOverlap = "YES" if overlapping_pairs(segments) else "NO"
    groups = b"".join(_frame_groups(places, planes))
    pixels = (labelmap_bytes if form.labelmap else binary_bytes)(segments, places, shape)
    beginning = file_beginning(header.file_meta, form.deflate)
    before = (
        encoded(header, CHARACTER_SET),
        long_element(0x5200, 0x9230, "SQ", len(groups)) + groups,
        long_element(0x7FE0, 0x0010, "OW" if bits > 8 else "OB", length + length % 2),
    )
    form.announce(len(beginning) + sum(map(len, before)) + length + length % 2)
    file.write(beginning)
    content = DatasetWriter(file, form.deflate)
    for piece in before:
        content.write(piece)
    content.write_value(pixels)
    content.finish()


def _require_length(length: int) -> None:
    if length > LONGEST_VALUE:
        raise UsageError(
            f"The segments make {length / 1e9:.1f} GB of frames, and DICOM holds 4 GB in a file: export fewer segments "
            "in a file, or as a label map."
        )


def _frame_groups(places: Sequence[FramePlace], planes: Sequence[Plane]) -> Iterator[bytes]:
    """The items of the Per-Frame Functional Groups Sequence; slices are counted among those that have a frame."""
    used = sorted({place.k for place in places})
    rank = {k: position for position, k in enumerate(used, start=1)}
    sources = {k: encoded(derivation(planes[k]), CHARACTER_SET) for k in used}
    positions = {k: encoded(plane_position(planes[k]), CHARACTER_SET) for k in used}
    identifications = {number: _identification(number) for number in {place.segment_number for place in places}}
    for place in places:
        number, k = place.segment_number, place.k
        indices = [rank[k]] if number is None else [number, rank[k]]
        yield item(sources[k] + frame_content(indices) + positions[k] + identifications[number])


def _identification(number: int | None) -> bytes:
    """The functional group that names the segment of a frame (PS3.3 C.8.20.3.1); a label map has none."""
    group = Dataset()
    if number is not None:
        content = Dataset()
        content.ReferencedSegmentNumber = number
        group.SegmentIdentificationSequence = DicomSequence([content])
    return encoded(group, CHARACTER_SET)
