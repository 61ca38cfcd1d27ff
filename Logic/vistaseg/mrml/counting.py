"""What tells cheaply which segments of a shared label map have changed."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Any

import numpy as np

from vistaseg.mrml.geometry import BINARY_LABELMAP, array_of

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


def fingerprints(image: Any, values: Mapping[str, int]) -> Generator[None, None, dict[str, int]]:
    """For each segment of a label map a number that tells it apart from what it was before an edit.

    It is made of a sum over the voxels in each slice, where each counts by its place, in one pass over the map, which
    is looked at in steps so that a host can do something else between them.

    Args:
        values: segment id → the value that it is drawn with.
    """
    if image.GetPointData().GetScalars() is None:
        return dict.fromkeys(values, 0)
    highest, weights, sums = max(values.values()), _weights(image.GetExtent()), []
    for number, plane in enumerate(array_of(image), start=1):
        labels = plane.ravel()
        drawn = labels != 0
        sums.append(np.bincount(labels[drawn], weights[drawn], minlength=highest + 1)[: highest + 1])
        if number % _SLICES_A_STEP == 0:
            yield
    columns = np.array(sums).T
    return {segment_id: _fingerprint(columns[value], image.GetExtent()[4]) for segment_id, value in values.items()}


def _weights(extent: Sequence[int]) -> np.ndarray:
    """For each place in a slice, (j · i) float64, a whole number in 1 … 2³², scattered so that no edit leaves the sum.

    It depends on the index alone, so that a map may grow around a segment; sums of it are exact in slices of up to two
    million voxels.
    """
    i, j = (np.arange(extent[n], extent[n + 1] + 1).astype(np.uint64) for n in (0, 2))
    mixed = ((j[:, None] << np.uint64(32)) + i).ravel()
    for shift, factor in _MIXING:
        mixed ^= mixed >> np.uint64(shift)
        mixed *= np.uint64(factor)
    return (mixed >> np.uint64(32)).astype(np.float64) + 1


def _fingerprint(sums: np.ndarray, first_slice: int) -> int:
    """Of the slices that hold something, so that a map may grow around a segment."""
    slices = np.flatnonzero(sums)
    return hash((slices + first_slice).tobytes() + sums[slices].tobytes())
