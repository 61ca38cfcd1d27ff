"""Automatic results into a segmentation node."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

from vistaseg import catalog
from vistaseg.mrml.adding import add_segments
from vistaseg.mrml.modifying import one_modification
from vistaseg.mrml.reading import read_mask, segment_record
from vistaseg.mrml.removing import part_segments
from vistaseg.mrml.seals import Seal, seal, seal_of
from vistaseg.mrml.volumes import grid_of
from vistaseg.segmentation import Segmentation
from vistaseg.segmentation.fingerprint import mask_fingerprint
from vistaseg.volume import Volume
from vistaseg.workspace.writer import Writer

REGION = "region_ras_mm"
"""In the provenance of a segment: what its segmentation was restricted to."""


@dataclass(frozen=True, eq=False)
class Sealed:
    """An automatic result, and what tells its segments from what may become of them."""

    result: Segmentation
    seals: Sequence[Seal]


def sealed(result: Segmentation, volume: Volume) -> Sealed:
    """Take down what each segment is; in the worker's thread."""
    seals = [
        Seal(volume.content_hash, segment.name, mask_fingerprint(segment.mask, segment.extent))
        for segment in result.segments
    ]
    return Sealed(result, seals)


def put(segmentation_node: Any, made: Sealed, volume_node: Any, writer: Writer | None) -> list[str]:
    """Put the segments of a result down as one step; returns their ids.

    A segment that an earlier automatic result of the same volume and region left, and that nobody has touched since,
    becomes its successor: it keeps its id, name, colour and place in the list, and stays chosen where it was.

    Raises:
        InputError: the writer cannot write.
    """
    replaced = _superseded(segmentation_node, made, volume_node)
    part_segments(segmentation_node, list(replaced.values()))
    with nullcontext() if writer is None else writer.step(), one_modification(segmentation_node):
        ids: list[str] = add_segments(segmentation_node, made.result, volume_node, replaced)
        for segment_id, one in zip(ids, made.seals, strict=True):
            segment = segmentation_node.GetSegmentation().GetSegment(segment_id)
            seal(segment, replace(one, name=segment.GetName()))  # numbered, where the name was taken
    return ids


def _superseded(segmentation_node: Any, made: Sealed, volume_node: Any) -> dict[int, str]:
    """Places in a result → ids of the segments that these take the place of; of several alike the last one."""
    segmentation = segmentation_node.GetSegmentation()
    places = {segment.structure_id: place for place, segment in enumerate(made.result.segments)}
    new = {segment.structure_id: (segment, one) for segment, one in zip(made.result.segments, made.seals, strict=True)}
    found: dict[int, str] = {}
    for segment_id in segmentation.GetSegmentIDs():
        record, old = segment_record(segmentation_node, segment_id), seal_of(segmentation.GetSegment(segment_id))
        if (
            old is None
            or record.recoded
            or record.structure_id not in new
            or record.provenance.get("algorithm_type") != "AUTOMATIC"
        ):
            continue
        segment, one = new[record.structure_id]
        alike = old.volume == one.volume and record.provenance.get(REGION) == segment.provenance.get(REGION)
        if alike and record.name == old.name and _untouched(segmentation_node, segment_id, volume_node, old):
            found[places[record.structure_id]] = segment_id
    return found


def _untouched(segmentation_node: Any, segment_id: str, volume_node: Any, old: Seal) -> bool:
    return old.holds(*read_mask(segmentation_node, segment_id, volume_node, grid_of(volume_node)))


def not_found(class_ids: Sequence[int], result: Segmentation) -> str:
    """A sentence on what was asked for and is not in a result, or nothing."""
    found = {segment.structure_id for segment in result.segments}
    missing = [catalog.get(class_id).name for class_id in catalog.expand(class_ids) if class_id not in found]
    if not missing:
        return ""
    if not found:
        return "None of the structures was found in this scan. Check that it is a CT of that part of the body."
    return f"Not found in this scan: {', '.join(missing)}."
