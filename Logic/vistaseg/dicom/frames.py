"""The frames of a segmentation: which there are, and their voxels packed as DICOM wants them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from vistaseg.geometry.box import Index
from vistaseg.segmentation import Segment

Frame = npt.NDArray[np.bool_]

_FRAMES_AT_ONCE = 8
"""Whatever the size of a frame, the bits of eight of them fill whole bytes."""


@dataclass(frozen=True)
class FramePlace:
    """Where a frame belongs: the number of its segment, None where it holds all of them, and its slice."""

    segment_number: int | None
    k: int


def binary_places(segments: Sequence[Segment]) -> list[FramePlace]:
    """A place for every slice of every segment that has voxels in it: segment by segment, along k."""
    return [
        FramePlace(number, k) for number, segment in enumerate(segments, start=1) for k in _occupied_slices(segment)
    ]


def labelmap_places(segments: Sequence[Segment]) -> list[FramePlace]:
    """A place for every slice that any segment has voxels in, along k."""
    return [FramePlace(None, k) for k in sorted({k for segment in segments for k in _occupied_slices(segment)})]


def _occupied_slices(segment: Segment) -> list[int]:
    start = segment.mask.box.start[2]
    return [start + int(k) for k in np.flatnonzero(segment.mask.array.any(axis=(1, 2)))]


def binary_bytes(segments: Sequence[Segment], places: Iterable[FramePlace], shape_ijk: Index) -> Iterator[bytes]:
    """One bit a voxel, the first in the lowest bit, frame after frame without a gap (PS3.5 section 8.1.1)."""
    frames = (_binary_frame(segments[(place.segment_number or 1) - 1], place.k, shape_ijk) for place in places)
    while some := list(islice(frames, _FRAMES_AT_ONCE)):
        yield np.packbits(np.concatenate([frame.ravel() for frame in some]), bitorder="little").tobytes()


def _binary_frame(segment: Segment, k: int, shape_ijk: Index) -> Frame:
    frame = np.zeros(shape_ijk[1::-1], dtype=bool)
    slice_k, slice_j, slice_i = segment.mask.box.slices_kji
    frame[slice_j, slice_i] = segment.mask.array[k - slice_k.start]
    return frame


def labelmap_bytes(segments: Sequence[Segment], places: Iterable[FramePlace], shape_ijk: Index) -> Iterator[bytes]:
    """The number of the segment, 1 … N, that each voxel belongs to; 0 for none."""
    dtype = labelmap_dtype(len(segments))
    for place in places:
        frame = np.zeros(shape_ijk[1::-1], dtype=dtype)
        for number, segment in enumerate(segments, start=1):
            slice_k, slice_j, slice_i = segment.mask.box.slices_kji
            if slice_k.start <= place.k < slice_k.stop:
                frame[slice_j, slice_i][segment.mask.array[place.k - slice_k.start]] = number
        yield frame.tobytes()


def labelmap_dtype(segment_count: int) -> np.dtype[np.unsignedinteger]:
    """The smallest type, little-endian, that holds the numbers of so many segments."""
    return np.dtype("u1" if segment_count < 256 else "<u2")
