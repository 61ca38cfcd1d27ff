"""What tells cheaply which segments of a shared label map have changed, and where they are."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from vistaseg.mrml.cropping import NO_BOX
from vistaseg.mrml.geometry import BINARY_LABELMAP, array_of
from vistaseg.segmentation.label_boxes import Box, runs_of

_SLICES_A_STEP = 16
# The finalizer of SplitMix64 (Steele, Lea, Flood 2014): a shift to the right, then a factor.
_MIXING = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))


def shared_labelmaps(segmentation_node: Any) -> list[tuple[Any, dict[str, int]]]:
    """Label maps that hold several segments, each with the ids of these and the values they are drawn with."""
    segmentation = segmentation_node.GetSegmentation()
    layers: dict[str, tuple[Any, dict[str, int]]] = {}
    for segment_id in segmentation.GetSegmentIDs():
        segment = segmentation.GetSegment(segment_id)
        image = segment.GetRepresentation(BINARY_LABELMAP)
        if image is not None:
            _, values = layers.setdefault(image.GetAddressAsString(""), (image, {}))
            values[segment_id] = segment.GetLabelValue()
    return [(image, values) for image, values in layers.values() if len(values) > 1]


@dataclass(frozen=True)
class Look:
    """What one look at a label map tells of a segment.

    Attributes:
        fingerprint: a number that tells it apart from what it was before an edit.
        box: part of the label map (k, j, i) that holds it; `NO_BOX` where it is empty.
    """

    fingerprint: int
    box: Box


def looked_through(image: Any, values: Mapping[str, int]) -> Generator[None, None, dict[str, Look]]:
    """Look at all segments of a label map in one pass, in steps so that a host can do something else between them.

    It goes by runs of one label along i, of which there are far fewer than voxels. The fingerprint is made of a sum
    over the runs in each slice, where each counts by its place.

    Args:
        values: segment id → the value that it is drawn with.
    """
    if image.GetPointData().GetScalars() is None:
        return dict.fromkeys(values, Look(0, NO_BOX))
    labels, (i, _, j, _, k, _) = array_of(image), image.GetExtent()
    count = max(values.values()) + 1
    low, high = np.full((count, 3), max(labels.shape)), np.zeros((count, 3), dtype=int)
    sums = np.zeros((len(labels), count))
    for number, plane in enumerate(labels):
        found, first, stop = runs_of(plane)
        known = found < count
        found, first, stop = found[known], first[known], stop[known]
        sums[number] = np.bincount(found, _weights(first + (j, i), stop[:, 1] + i), minlength=count)
        for at, ends, choose in ((low, first, np.minimum), (high, stop, np.maximum)):
            choose.at(at, found, np.insert(ends, 0, number + (at is high), axis=1))
        if number % _SLICES_A_STEP == _SLICES_A_STEP - 1:
            yield
    return {
        segment_id: Look(_fingerprint(sums[:, value], k), _box(low[value], high[value]))
        for segment_id, value in values.items()
    }


def _weights(first: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """For each run a whole number in 1 … 2³², scattered so that no edit leaves the sum, float64.

    It depends on the index alone, so that a map may grow around a segment; sums of it are exact in slices of up to two
    million runs.

    Args:
        first: (runs, 2), index (j, i) of the first voxel.
        stop: index i after the last.
    """
    j, i, end = (index.astype(np.int64).astype(np.uint64) for index in (*first.T, stop))
    mixed = (j << np.uint64(42)) ^ (i << np.uint64(21)) ^ end
    for shift, factor in _MIXING:
        mixed ^= mixed >> np.uint64(shift)
        mixed *= np.uint64(factor)
    return np.asarray((mixed >> np.uint64(32)).astype(np.float64) + 1)


def _fingerprint(sums: np.ndarray, first_slice: int) -> int:
    """Of the slices that hold something, so that a map may grow around a segment."""
    slices = np.flatnonzero(sums)
    return hash((slices + first_slice).tobytes() + sums[slices].tobytes())


def _box(low: np.ndarray, high: np.ndarray) -> Box:
    if not high[0]:
        return NO_BOX
    k, j, i = (slice(int(first), int(stop)) for first, stop in zip(low, high, strict=True))
    return k, j, i
