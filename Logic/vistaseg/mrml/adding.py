"""Results as new segments of a segmentation node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from types import MappingProxyType
from typing import Any

import numpy as np
import slicer

from vistaseg.geometry.box import EMPTY_BOX, VoxelBox
from vistaseg.mrml.contents import SegmentContent, put_content, tell_changed
from vistaseg.mrml.converting import require_labelmaps
from vistaseg.mrml.geometry import BINARY_LABELMAP, CLOSED_SURFACE
from vistaseg.mrml.masking import segment_ids
from vistaseg.mrml.modifying import one_modification
from vistaseg.mrml.tags import OWN_TAGS, tag_segment
from vistaseg.mrml.writing import labelmap_of
from vistaseg.segmentation import Segment, Segmentation
from vistaseg.segmentation.tags import segment_tags

_LARGEST_VALUE = 255  # of a label map of one byte a voxel


@dataclass(eq=False)
class _Layer:
    """A label map that segments share as long as they do not overlap.

    Attributes:
        box: of the label map on the grid of the volume.
        count: segments drawn so far, with the values 1, 2, ...
        array: uint8 (k, j, i).
    """

    box: VoxelBox
    count: int = 0
    array: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.array = np.zeros(self.box.shape_kji, dtype=np.uint8)

    def draw(self, segment: Segment) -> int | None:
        """The value that the segment was drawn with; None where it overlaps another, or no value is left."""
        mask = segment.mask.array
        part = self.array[segment.mask.box.relative_to(self.box.start).slices_kji]
        if self.count == _LARGEST_VALUE or ((part != 0) & mask).any():
            return None
        self.count += 1
        np.copyto(part, np.uint8(self.count), where=mask)
        return self.count


@dataclass(frozen=True, eq=False)
class Drawing:
    """Segments drawn into label maps, which takes a while and may be done in any thread.

    Attributes:
        places: for each segment the label map that it is drawn on, and its value there; empty segments have none.
    """

    places: Sequence[tuple[_Layer | None, int]]


def add_segments(
    segmentation_node: Any,
    segmentation: Segmentation,
    volume_node: Any,
    replaced: Mapping[int, str] = MappingProxyType({}),
    drawing: Drawing | None = None,
) -> list[str]:
    """Add segments to a node; those that it has stay as they are, but for those that are replaced.

    What does not overlap shares a label map. Surfaces for 3D are not made, which for many segments takes minutes;
    where the node shows some, they are dropped, because Slicer wants them for all segments or none.

    Args:
        segmentation: on the grid of the volume, in its own coordinates.
        replaced: place in `segmentation` → id of a segment that gets that mask and how it was made instead of its own;
            what it is called and looks like is the user's. Of a label map that it shares, all are replaced: see
            `part_segments`.
        drawing: of the segments, where it is there already.

    Returns:
        The ids of the segments, in their order.

    Raises:
        InputError: the node keeps its segments as surfaces; see `use_labelmaps`.
    """
    require_labelmaps(segmentation_node)
    drawn = (drawing or draw(segmentation.segments)).places
    layers = {id(layer): layer for layer, _ in drawn if layer is not None}.values()
    images = {id(layer): labelmap_of(layer, volume_node, segmentation_node) for layer in layers}
    segmentation_node.CreateDefaultDisplayNodes()
    with one_modification(segmentation_node):
        segmentation_node.GetSegmentation().RemoveRepresentation(CLOSED_SURFACE)
        names = _UnusedNames(segmentation_node)
        return [
            _add(segmentation_node, segment, names.take(segment.name), images.get(id(layer)), value)
            if place not in replaced
            else _replace(segmentation_node, replaced[place], segment, images.get(id(layer)), value)
            for place, (segment, (layer, value)) in enumerate(zip(segmentation.segments, drawn, strict=True))
        ]


def draw(segments: Sequence[Segment]) -> Drawing:
    """Draw segments into as few label maps as can be."""
    layers: list[_Layer] = []
    whole = reduce(VoxelBox.union, (segment.mask.box for segment in segments), EMPTY_BOX)
    return Drawing([(None, 1) if segment.mask.box.empty else _draw_one(segment, layers, whole) for segment in segments])


def _draw_one(segment: Segment, layers: list[_Layer], whole: VoxelBox) -> tuple[_Layer, int]:
    for layer in layers:
        value = layer.draw(segment)
        if value is not None:
            return layer, value
    layers.append(_Layer(whole))
    return _draw_one(segment, layers[-1:], whole)


def _add(segmentation_node: Any, segment: Segment, name: str, image: Any, value: int) -> str:
    segmentation = segmentation_node.GetSegmentation()
    vtk_segment = slicer.vtkSegment()
    tag_segment(vtk_segment, segment)
    vtk_segment.SetName(name)
    if image is not None:
        vtk_segment.AddRepresentation(BINARY_LABELMAP, image)
    vtk_segment.SetLabelValue(value)
    segment_id: str = segmentation.GenerateUniqueSegmentID()
    segmentation.AddSegment(vtk_segment, segment_id)
    return segment_id


def _replace(segmentation_node: Any, segment_id: str, segment: Segment, image: Any, value: int) -> str:
    vtk_segment = segmentation_node.GetSegmentation().GetSegment(segment_id)
    tags = segment_tags(segment)
    put_content(vtk_segment, SegmentContent(image, value, 0, {name: tags[name] for name in OWN_TAGS if name in tags}))
    tell_changed(segmentation_node, segment_id)
    return segment_id


class _UnusedNames:
    def __init__(self, segmentation_node: Any) -> None:
        segmentation = segmentation_node.GetSegmentation()
        self._taken = {segmentation.GetSegment(known).GetName() for known in segment_ids(segmentation_node)}

    def take(self, name: str) -> str:
        """The name, with a number behind it where it is taken."""
        numbered = (f"{name} {number}" for number in range(2, len(self._taken) + 3))
        free = name if name not in self._taken else next(text for text in numbered if text not in self._taken)
        self._taken.add(free)
        return free
