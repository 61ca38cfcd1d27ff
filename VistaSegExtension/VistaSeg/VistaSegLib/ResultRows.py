"""What there is to say of each segment; measured piece by piece, and again only where it has changed. No Qt."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass, replace

import numpy as np

from vistaseg.errors import InputError
from vistaseg.mrml.counting import Look, looked_through, shared_labelmaps
from vistaseg.mrml.reading import mask_time, own_mask, read_mask, segment_record
from vistaseg.mrml.seals import made_mask
from vistaseg.mrml.volumes import grid_of, state_of
from vistaseg.segmentation.fingerprint import mask_fingerprint
from vistaseg.segmentation.plausibility import Finding, findings, voxel_milliliters, worth_a_look


@dataclass(frozen=True)
class Measures:
    """A segment on the grid of the volume.

    Attributes:
        time: `mask_time` when it was measured.
        fingerprint: of `vistaseg.mrml.counting`; None where it has a label map of its own.
        masks: each `mask_fingerprint` that it has: on the grid of the volume, and on its own where that is another.
        edited: whether it is not what a model made of it any more.
    """

    voxels: int
    milliliters: float
    findings: tuple[Finding, ...]
    time: int
    fingerprint: int | None
    masks: tuple[str, ...]
    edited: bool


@dataclass(frozen=True)
class Seen:
    """What a look at a label map told of a segment, and its `mask_time` then."""

    look: Look
    time: int


@dataclass(frozen=True)
class Row:
    """One segment; `measures` is None until it was measured, or where it cannot be."""

    segmentId: str
    name: str
    color: tuple[int, int, int]
    provenance: dict
    measures: Measures | None

    @property
    def edited(self) -> bool:
        """Whether it was painted on after a model had made it, as far as is known."""
        return self.measures is not None and self.measures.edited

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Why it is worth a look, as far as is known."""
        if self.measures is None:
            return ()
        return worth_a_look(self.measures.findings, self.provenance, self.measures.voxels, self.edited)


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
        looks = yield from _looksAt(segmentationNode, stale)
        for segmentId in stale:
            yield from self._measureOne(segmentationNode, volumeNode, segmentId, looks.get(segmentId))

    def _row(self, segmentationNode, segmentId: str) -> Row:
        record = segment_record(segmentationNode, segmentId)
        return Row(segmentId, record.name, record.color, record.provenance, self._measured.get(segmentId))

    def _isStale(self, segmentationNode, segmentId: str) -> bool:
        known = self._measured.get(segmentId)
        return known is None or known.time != mask_time(segmentationNode, segmentId)

    def _measureOne(
        self, segmentationNode, volumeNode, segmentId: str, look: Seen | None
    ) -> Generator[None, None, None]:
        """Measure, or know the measures for still right, which takes no step."""
        time, known = mask_time(segmentationNode, segmentId), self._measured.get(segmentId)
        seen = look.look if look is not None and look.time == time else None
        if known is not None and seen is not None and known.fingerprint == seen.fingerprint:
            edited = _isEdited(segmentationNode, segmentId, known.masks)
            self._measured[segmentId] = replace(known, time=time, edited=edited)
            return
        try:
            measures = yield from _measure(segmentationNode, volumeNode, segmentId, time, seen)
            self._measured[segmentId] = measures
        except InputError:
            self._measured.pop(segmentId, None)  # a surface that cannot be made voxels of has a row without numbers
        yield


def _measure(
    segmentationNode, volumeNode, segmentId: str, time: int, look: Look | None
) -> Generator[None, None, Measures]:
    grid = grid_of(volumeNode)
    mask, extent = read_mask(segmentationNode, segmentId, volumeNode, grid, None if look is None else look.box)
    voxels = int(np.count_nonzero(mask))
    yield
    found = findings(mask, extent, grid, segment_record(segmentationNode, segmentId).structure_id)
    yield
    own = own_mask(segmentationNode, segmentId, volumeNode)
    masks = tuple(mask_fingerprint(*each) for each in ((mask, extent), own) if each is not None)
    edited = _isEdited(segmentationNode, segmentId, masks)
    fingerprint = None if look is None else look.fingerprint
    return Measures(voxels, voxels * voxel_milliliters(grid), found, time, fingerprint, masks, edited)


def _isEdited(segmentationNode, segmentId: str, masks: tuple[str, ...]) -> bool:
    segment = segmentationNode.GetSegmentation().GetSegment(segmentId)
    made = made_mask(segment, segment_record(segmentationNode, segmentId).provenance)
    return made is not None and made not in masks


def _looksAt(segmentationNode, segmentIds: Iterable[str]) -> Generator[None, None, dict[str, Seen]]:
    wanted, found = set(segmentIds), {}
    for image, values in shared_labelmaps(segmentationNode):
        if wanted & values.keys():
            times = {segmentId: mask_time(segmentationNode, segmentId) for segmentId in values}
            looks = yield from looked_through(image, values)
            found |= {segmentId: Seen(look, times[segmentId]) for segmentId, look in looks.items()}
    return found


def _ids(segmentationNode) -> list[str]:
    return list(segmentationNode.GetSegmentation().GetSegmentIDs()) if segmentationNode is not None else []


def _placeOf(segmentationNode, volumeNode) -> tuple:
    """What the measures depend on beside the masks: the grid, and how both nodes lie in the world."""
    parents = [node.GetParentTransformNode() for node in (segmentationNode, volumeNode)]
    times = [(parent.GetID(), parent.GetTransformToWorldMTime()) if parent is not None else None for parent in parents]
    return segmentationNode.GetID(), state_of(volumeNode), *times
