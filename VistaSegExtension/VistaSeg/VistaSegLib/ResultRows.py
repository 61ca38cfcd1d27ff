"""What there is to say of each segment; measured by a worker, and again only where it has changed. No Qt."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass

from vistaseg.errors import InputError
from vistaseg.jobs import Worker
from vistaseg.mrml.converting import has_labelmaps
from vistaseg.mrml.reading import mask_time, segment_record
from vistaseg.mrml.seals import made_mask
from vistaseg.mrml.snapshots import Snapshot, snapshot_of
from vistaseg.mrml.volumes import state_of
from vistaseg.progress import Progress
from vistaseg.segmentation.drawn import Drawn, own_size
from vistaseg.segmentation.plausibility import Finding, findings, losses, voxel_milliliters, worth_a_look

# See `Host`: a sleep lends Python's lock to the worker.
LEND_S = 0.01
# s to wait at the end for the segment that is being measured.
LONGEST_WAIT_S = 10.0


@dataclass(frozen=True)
class Numbers:
    """What a mask tells.

    Attributes:
        voxels: on the grid of the volume.
        ownVoxels: see `own_size`.
        milliliters: likewise.
        drawn: see `vistaseg.segmentation.Segment`.
        masks: each fingerprint that it has: on the grid of the volume, and on its own where that is another.
    """

    voxels: int
    ownVoxels: int
    milliliters: float
    findings: tuple[Finding, ...]
    drawn: Drawn | None
    masks: tuple[str, ...]


@dataclass(frozen=True)
class SegmentMeasures:
    """A segment on the grid of the volume.

    Attributes:
        time: `mask_time` of what was measured.
        edited: whether it is not what a model made of it any more.
    """

    numbers: Numbers
    time: int
    edited: bool


@dataclass(frozen=True)
class ResultRow:
    """One segment; `measures` is None until it was measured, or where it cannot be."""

    segmentId: str
    name: str
    color: tuple[int, int, int]
    provenance: dict
    measures: SegmentMeasures | None

    @property
    def edited(self) -> bool:
        """Whether it was painted on after a model had made it, as far as is known."""
        return self.measures is not None and self.measures.edited

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Why it is worth a look, as far as is known."""
        if self.measures is None:
            return ()
        return worth_a_look(self.measures.numbers.findings, self.provenance, self.measures.numbers.voxels, self.edited)


class ResultRows:
    """Rows of one segmentation on one volume."""

    def __init__(self) -> None:
        self._worker = Worker()
        self._measured: dict[str, SegmentMeasures] = {}
        self._place: tuple = ()

    def close(self) -> None:
        """Measure nothing any more."""
        self._worker.close(LONGEST_WAIT_S)

    def rows(self, segmentationNode) -> list[ResultRow]:
        """The rows as far as they are known."""
        return [self._row(segmentationNode, segmentId) for segmentId in _ids(segmentationNode)]

    def measure(self, segmentationNode, volumeNode) -> Generator[None, None, None]:
        """Measure what has changed, by modification times; results are taken at each step."""
        place = _placeOf(segmentationNode, volumeNode)
        if place != self._place:
            self._measured, self._place = {}, place
        ids = _ids(segmentationNode)
        self._measured = {key: known for key, known in self._measured.items() if key in ids}
        stale = [key for key in ids if self._isStale(segmentationNode, key)]
        # A surface is converted for this alone, which for many at once would take long.
        for together in [stale] if has_labelmaps(segmentationNode) else [[key] for key in stale]:
            yield from self._measureTogether(segmentationNode, volumeNode, together)

    def _row(self, segmentationNode, segmentId: str) -> ResultRow:
        record = segment_record(segmentationNode, segmentId)
        return ResultRow(segmentId, record.name, record.color, record.provenance, self._measured.get(segmentId))

    def _isStale(self, segmentationNode, segmentId: str) -> bool:
        known = self._measured.get(segmentId)
        return known is None or known.time != mask_time(segmentationNode, segmentId)

    def _measureTogether(self, segmentationNode, volumeNode, ids: list[str]) -> Generator[None, None, None]:
        times = {segmentId: mask_time(segmentationNode, segmentId) for segmentId in ids}
        try:
            snapshot = snapshot_of(segmentationNode, volumeNode, ids)
        except InputError:
            for segmentId in ids:
                self._measured.pop(segmentId, None)  # a surface that cannot be made voxels of has no numbers
            return
        known = {key: measures.numbers for key, measures in self._measured.items()}
        found: dict[str, Numbers] = {}
        job = self._worker.submit(lambda progress: _measure(snapshot, known, found, progress))
        try:
            while self._worker.busy:
                yield
                time.sleep(LEND_S)
                self._worker.poll()
                self._take(segmentationNode, found, times)
        finally:
            job.cancel()

    def _take(self, segmentationNode, found: dict[str, Numbers], times: Mapping[str, int]) -> None:
        """Keep what has been measured so far."""
        while found:
            segmentId, numbers = found.popitem()
            if segmentationNode.GetSegmentation().GetSegment(segmentId) is not None:
                edited = _isEdited(segmentationNode, segmentId, numbers.masks)
                self._measured[segmentId] = SegmentMeasures(numbers, times[segmentId], edited)


def _measure(snapshot: Snapshot, known: Mapping[str, Numbers], found: dict[str, Numbers], progress: Progress) -> None:
    """Find the numbers of each segment, those of the same mask again where they are known; in the worker's thread."""
    for layer in snapshot.layers:
        own: dict[str, str] = {}
        drawn = layer.drawn()
        for segmentId, mask in layer.own_masks():
            progress("label map", len(own), len(layer.values))
            own[segmentId] = mask.fingerprint
        for number, (segmentId, mask) in enumerate(layer.masks()):
            progress("segments", number, len(layer.values))
            masks = (mask.fingerprint, *([own[segmentId]] if segmentId in own else []))
            if segmentId in known and (known[segmentId].masks, known[segmentId].drawn) == (masks, drawn.get(segmentId)):
                found[segmentId] = known[segmentId]
                continue
            voxels = mask.voxel_count
            volume, asDrawn = voxels * voxel_milliliters(snapshot.grid), drawn.get(segmentId)
            reasons = findings(mask, snapshot.grid, snapshot.records[segmentId].structure_id)
            size = own_size(asDrawn, voxels, volume)
            found[segmentId] = Numbers(voxels, *size, losses(asDrawn, volume) + reasons, asDrawn, masks)


def _isEdited(segmentationNode, segmentId: str, masks: tuple[str, ...]) -> bool:
    segment = segmentationNode.GetSegmentation().GetSegment(segmentId)
    made = made_mask(segment, segment_record(segmentationNode, segmentId).provenance)
    return made is not None and made not in masks


def _ids(segmentationNode) -> list[str]:
    return list(segmentationNode.GetSegmentation().GetSegmentIDs()) if segmentationNode is not None else []


def _placeOf(segmentationNode, volumeNode) -> tuple:
    """What the measures depend on beside the masks: the grid, and how both nodes lie in the world."""
    parents = [node.GetParentTransformNode() for node in (segmentationNode, volumeNode)]
    times = [(parent.GetID(), parent.GetTransformToWorldMTime()) if parent is not None else None for parent in parents]
    return segmentationNode.GetID(), state_of(volumeNode), *times
