"""Automatic results into a segmentation node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vistaseg import catalog
from vistaseg.mrml.adding import add_segments
from vistaseg.mrml.reading import segment_record
from vistaseg.mrml.removing import remove_segments
from vistaseg.segmentation import Segmentation


def put(segmentation_node: Any, result: Segmentation, volume_node: Any) -> list[str]:
    """Add the segments of a result; returns their ids.

    A segment that an earlier automatic result left, and that nobody has touched since, makes place for its successor.
    """
    found = {segment.structure_id for segment in result.segments}
    records = {segment_id: segment_record(segmentation_node, segment_id) for segment_id in _ids(segmentation_node)}
    superseded = [
        segment_id
        for segment_id, record in records.items()
        if record.structure_id in found and record.provenance.get("algorithm_type") == "AUTOMATIC"
    ]
    remove_segments(segmentation_node, superseded)
    ids: list[str] = add_segments(segmentation_node, result, volume_node)
    return ids


def not_found(class_ids: Sequence[int], result: Segmentation) -> str:
    """A sentence on what was asked for and is not in a result, or nothing."""
    found = {segment.structure_id for segment in result.segments}
    missing = [catalog.get(class_id).name for class_id in catalog.expand(class_ids) if class_id not in found]
    if not missing:
        return ""
    if not found:
        return "None of the structures was found in this scan. Check that it is a CT of that part of the body."
    return f"Not found in this scan: {', '.join(missing)}."


def _ids(segmentation_node: Any) -> list[str]:
    segmentation = segmentation_node.GetSegmentation()
    return [segmentation.GetNthSegmentID(at) for at in range(segmentation.GetNumberOfSegments())]
