"""What there is to say of each segment; measured piece by piece, and again only where it has changed. No Qt."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass, replace

import numpy as np

from vistaseg.errors import InputError
from vistaseg.mrml.counting import fingerprints, shared_labelmaps
from vistaseg.mrml.reading import mask_time, read_mask, segment_record
from vistaseg.mrml.volumes import grid_of, state_of
from vistaseg.segmentation.confidence import confidence_of
from vistaseg.segmentation.plausibility import Finding, doubts, findings, voxel_milliliters


@dataclass(frozen=True)
class Measures:
    """A segment on the grid of the volume.

    Attributes:
        time: `mask_time` when it was measured.
        fingerprint: of `vistaseg.mrml.counting`; None where it has a label map of its own.
    """

    voxels: int
    milliliters: float
    findings: tuple[Finding, ...]
    time: int
    fingerprint: int | None


@dataclass(frozen=True)
class Row:
    """One segment; `measures` is None until it was measured, or where it cannot be."""

    segmentId: str
    name: str
    color: tuple[int, int, int]
    provenance: dict
    measures: Measures | None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Why it is worth a look, as far as is known."""
        if self.measures is None:
            return ()
        return (*self.measures.findings, *doubts(confidence_of(self.provenance, self.measures.voxels)))


class ResultRows:
    """Rows of one segmentation on one volume."""

    def __init__(self) -> None:
        self._measured: dict[str, Measures] = {}
        self._place: tuple = ()

    def rows(self, segmentationNode) -> list[Row]:
        """The rows as far as they are known."""
        return [self._row(segmentationNode, segmentId) for segmentId in _ids(segmentationNode)]

    def measure(self, segmentationNode, volumeNode) -> Generator[None, None, None]:
        """Measure what has changed, a little at each step."""
        place = _placeOf(segmentationNode, volumeNode)
        if place != self._place:
            self._measured, self._place = {}, place
        ids = _ids(segmentationNode)
        self._measured = {key: known for key, known in self._measured.items() if key in ids}
        stale = [key for key in ids if self._isStale(segmentationNode, key)]
        prints = yield from _fingerprintsOf(segmentationNode, stale)
        for segmentId in stale:
            if self._measureOne(segmentationNode, volumeNode, segmentId, prints.get(segmentId)):
                yield

    def _row(self, segmentationNode, segmentId: str) -> Row:
        record = segment_record(segmentationNode, segmentId)
        return Row(segmentId, record.name, record.color, record.provenance, self._measured.get(segmentId))

    def _isStale(self, segmentationNode, segmentId: str) -> bool:
        known = self._measured.get(segmentId)
        return known is None or known.time != mask_time(segmentationNode, segmentId)

    def _measureOne(self, segmentationNode, volumeNode, segmentId: str, fingerprint: int | None) -> bool:
        """Measure, or know the measures for still right; returns whether that took time."""
        time, known = mask_time(segmentationNode, segmentId), self._measured.get(segmentId)
        if known is not None and fingerprint is not None and known.fingerprint == fingerprint:
            self._measured[segmentId] = replace(known, time=time)
            return False
        try:
            self._measured[segmentId] = _measure(segmentationNode, volumeNode, segmentId, time, fingerprint)
        except InputError:
            self._measured.pop(segmentId, None)  # a surface that cannot be made voxels of has a row without numbers
        return True


def _measure(segmentationNode, volumeNode, segmentId: str, time: int, fingerprint: int | None) -> Measures:
    grid = grid_of(volumeNode)
    mask, extent = read_mask(segmentationNode, segmentId, volumeNode, grid)
    voxels = int(np.count_nonzero(mask))
    found = findings(mask, extent, grid, segment_record(segmentationNode, segmentId).structure_id)
    return Measures(voxels, voxels * voxel_milliliters(grid), found, time, fingerprint)


def _fingerprintsOf(segmentationNode, segmentIds: Iterable[str]) -> Generator[None, None, dict[str, int]]:
    wanted, found = set(segmentIds), {}
    for image, values in shared_labelmaps(segmentationNode):
        if wanted & values.keys():
            found |= yield from fingerprints(image, values)
    return found


def _ids(segmentationNode) -> list[str]:
    return list(segmentationNode.GetSegmentation().GetSegmentIDs()) if segmentationNode is not None else []


def _placeOf(segmentationNode, volumeNode) -> tuple:
    """What the measures depend on beside the masks: the grid, and how both nodes lie in the world."""
    parents = [node.GetParentTransformNode() for node in (segmentationNode, volumeNode)]
    times = [(parent.GetID(), parent.GetTransformToWorldMTime()) if parent is not None else None for parent in parents]
    return segmentationNode.GetID(), state_of(volumeNode), *times
