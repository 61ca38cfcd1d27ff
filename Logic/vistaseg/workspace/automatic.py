"""Automatic results into a segmentation node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

from vistaseg import catalog
from vistaseg.mrml.adding import Drawing, add_segments, draw
from vistaseg.mrml.modifying import one_modification
from vistaseg.mrml.placement import note_placement, placement_of
from vistaseg.mrml.reading import mask_time, segment_record
from vistaseg.mrml.removing import part_segments
from vistaseg.mrml.seals import Seal, seal, seal_of
from vistaseg.mrml.snapshots import Snapshot, snapshot_of
from vistaseg.segmentation import Segmentation
from vistaseg.volume import Volume
from vistaseg.workspace.writer import Writer

REGION = "region_ras_mm"
"""In the provenance of a segment: what its segmentation was restricted to."""


@dataclass(frozen=True, eq=False)
class Sealed:
    """An automatic result, what tells its segments from what may become of them, and their label maps."""

    result: Segmentation
    seals: Sequence[Seal]
    drawing: Drawing


def sealed(result: Segmentation, volume: Volume) -> Sealed:
    """Take down what each segment is; in the worker's thread."""
    seals = [Seal(volume.content_hash, segment.name, segment.mask.fingerprint) for segment in result.segments]
    return Sealed(result, seals, draw(result.segments))


class Earlier:
    """Automatic segments that a result may take the place of, as they were before the work.

    Reading them takes seconds in a large scan. So they are copied by the thread of MRML, read by the worker, and after
    the work only those are looked at again that were changed meanwhile.

    Args:
        class_ids: that the result will have.
    """

    def __init__(self, segmentation_node: Any, volume_node: Any, class_ids: Sequence[int]) -> None:
        segmentation, wanted = segmentation_node.GetSegmentation(), set(catalog.expand(class_ids))
        ids = [
            each
            for each in segmentation.GetSegmentIDs()
            if seal_of(segmentation.GetSegment(each)) is not None
            and segment_record(segmentation_node, each).structure_id in wanted
        ]
        self._node, self._volume = segmentation_node, volume_node
        self._times = {each: mask_time(segmentation_node, each) for each in ids}
        self._snapshot = snapshot_of(segmentation_node, volume_node, ids) if ids else None
        self._fingerprints: dict[str, str] = {}

    def read(self) -> None:
        """In the worker's thread."""
        if self._snapshot is not None:
            self._fingerprints, self._snapshot = _fingerprints(self._snapshot), None

    def untouched(self, seals: Mapping[str, Seal]) -> set[str]:
        """Ids of the segments, of those with these seals, that are still what they were made; in the thread of MRML."""
        changed = [each for each in seals if mask_time(self._node, each) != self._times.get(each)]
        now = _fingerprints(snapshot_of(self._node, self._volume, changed)) if changed else {}
        known = self._fingerprints | now
        return {each for each, one in seals.items() if known.get(each) == one.mask}


def _fingerprints(snapshot: Snapshot) -> dict[str, str]:
    return {each: mask.fingerprint for layer in snapshot.layers for each, mask in layer.masks()}


def put(
    segmentation_node: Any, made: Sealed, volume_node: Any, writer: Writer | None, earlier: Earlier | None = None
) -> list[str]:
    """Put the segments of a result down as one step; returns their ids.

    A new run replaces unedited segments from an earlier run on the same volume and region: each keeps its id, name,
    colour and place in the list, and stays chosen where it was.

    Args:
        earlier: the segments as they were before the work, where they were looked at.

    Raises:
        InputError: the writer cannot write.
    """
    earlier = earlier or Earlier(segmentation_node, volume_node, ())
    replaced = _superseded(segmentation_node, made, earlier)
    part_segments(segmentation_node, list(replaced.values()))
    with nullcontext() if writer is None else writer.step(), one_modification(segmentation_node):
        ids: list[str] = add_segments(segmentation_node, made.result, volume_node, replaced, made.drawing)
        for segment_id, one in zip(ids, made.seals, strict=True):
            segment = segmentation_node.GetSegmentation().GetSegment(segment_id)
            seal(segment, replace(one, name=segment.GetName()))  # numbered, where the name was taken
            note_placement(segment, placement_of(volume_node, segmentation_node, segment_id))
    return ids


def _superseded(segmentation_node: Any, made: Sealed, earlier: Earlier) -> dict[int, str]:
    """Places in a result → ids of the segments that these take the place of; of several alike the last one."""
    segmentation = segmentation_node.GetSegmentation()
    places = {segment.structure_id: place for place, segment in enumerate(made.result.segments)}
    new = {segment.structure_id: (segment, one) for segment, one in zip(made.result.segments, made.seals, strict=True)}
    seals: dict[str, Seal] = {}
    found: dict[str, int] = {}
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
        if alike and record.name == old.name:
            seals[segment_id], found[segment_id] = old, places[record.structure_id]
    untouched = earlier.untouched(seals)
    return {place: segment_id for segment_id, place in found.items() if segment_id in untouched}


def not_found(class_ids: Sequence[int], result: Segmentation) -> str:
    """A sentence on requested structures that are not in a result, or nothing."""
    found = {segment.structure_id for segment in result.segments}
    missing = [catalog.get(class_id).name for class_id in catalog.expand(class_ids) if class_id not in found]
    if not missing:
        return ""
    if not found:
        return "None of the structures was found in this scan. Check that it is a CT of that part of the body."
    return f"Not found in this scan: {', '.join(missing)}."
