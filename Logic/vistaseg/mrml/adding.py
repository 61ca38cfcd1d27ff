"""Results as new segments of a segmentation node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import slicer

from vistaseg.mrml.geometry import BINARY_LABELMAP
from vistaseg.mrml.tags import tag_segment
from vistaseg.mrml.writing import labels_image
from vistaseg.segmentation import Extent, Segment, Segmentation, assign_layers


def add_segments(segmentation_node: Any, segmentation: Segmentation, volume_node: Any) -> list[str]:
    """Add segments to a node: what does not overlap shares a label map; other segments of the node stay as they are.

    Args:
        segmentation: on the grid of the volume, in its own coordinates.

    Returns:
        The ids of the new segments, in their order.
    """
    segmentation_node.CreateDefaultDisplayNodes()
    layers = _layers(segmentation.segments)
    images = {}
    for layer, values in layers.items():
        members = [(segmentation.segments[n], value) for n, value in values.items()]
        images[layer] = _layer_image(members, volume_node, segmentation_node)
    ids = {n: "" for n in range(len(segmentation.segments))}
    place = {n: (layer, value) for layer, values in layers.items() for n, value in values.items()}
    for n, segment in enumerate(segmentation.segments):
        layer, value = place[n]
        ids[n] = _add(segmentation_node, segment, images[layer], value)
    return list(ids.values())


def _layers(segments: Sequence[Segment]) -> dict[int, dict[int, int]]:
    """For each layer, the positions of its segments and the value that each is drawn with."""
    layers: dict[int, dict[int, int]] = {}
    for n, layer in enumerate(assign_layers(segments)):
        members = layers.setdefault(layer, {})
        members[n] = len(members) + 1
    return layers


def _layer_image(members: Sequence[tuple[Segment, int]], volume_node: Any, segmentation_node: Any) -> Any:
    filled = [segment.extent for segment, _ in members if not segment.extent.empty]
    if not filled:
        return slicer.vtkOrientedImageData()
    extent = _union(filled)
    labels = np.zeros(extent.shape_kji, dtype=np.uint8 if len(members) < 256 else np.uint16)
    for segment, value in members:
        if not segment.extent.empty:
            labels[segment.extent.within(extent)][segment.mask] = value
    return labels_image(labels, extent, volume_node, segmentation_node)


def _union(extents: Sequence[Extent]) -> Extent:
    i, j, k = (min(axis) for axis in zip(*(extent.start for extent in extents), strict=True))
    last_i, last_j, last_k = (max(axis) for axis in zip(*(extent.stop for extent in extents), strict=True))
    return Extent((i, j, k), (last_i, last_j, last_k))


def _add(segmentation_node: Any, segment: Segment, image: Any, value: int) -> str:
    segmentation = segmentation_node.GetSegmentation()
    vtk_segment = slicer.vtkSegment()
    tag_segment(vtk_segment, segment)
    vtk_segment.SetName(_unused_name(segmentation, segment.name))
    vtk_segment.AddRepresentation(BINARY_LABELMAP, image)
    vtk_segment.SetLabelValue(value)
    segment_id: str = segmentation.GenerateUniqueSegmentID()
    segmentation.AddSegment(vtk_segment, segment_id)
    return segment_id


def _unused_name(segmentation: Any, name: str) -> str:
    taken = {segmentation.GetNthSegment(n).GetName() for n in range(segmentation.GetNumberOfSegments())}
    numbered = (f"{name} {number}" for number in range(2, len(taken) + 3))
    return name if name not in taken else next(free for free in numbered if free not in taken)
