"""What tells cheaply which segments of a shared label map have changed."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

import numpy as np

from vistaseg.mrml.geometry import BINARY_LABELMAP, array_of

_SLICES_A_STEP = 16


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

    It is made of the number of voxels in each slice, in one pass over the map, which is looked at in steps so that a
    host can do something else between them.

    Args:
        values: segment id → the value that it is drawn with.
    """
    if image.GetPointData().GetScalars() is None:
        return dict.fromkeys(values, 0)
    highest = max(values.values())
    counts = []
    for number, plane in enumerate(array_of(image), start=1):
        counts.append(np.bincount(plane.ravel(), minlength=highest + 1)[: highest + 1])
        if number % _SLICES_A_STEP == 0:
            yield
    columns = np.array(counts).T
    return {segment_id: _fingerprint(columns[value], image.GetExtent()[4]) for segment_id, value in values.items()}


def _fingerprint(counts: np.ndarray, first_slice: int) -> int:
    """Of the slices that hold something, so that a map may grow around a segment."""
    slices = np.flatnonzero(counts)
    return hash((slices + first_slice).tobytes() + counts[slices].tobytes())
