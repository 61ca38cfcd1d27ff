"""Which slices of a series the frames of a DICOM segmentation say that they were made from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

from vistaseg.dicom.planes import Plane
from vistaseg.dicom.seg_file import frame_groups, shared_groups

_DERIVATION = "DerivationImageSequence"

Slices = Mapping[str, Mapping[int | None, int]]
"""SOP instance UID → number of the frame → k."""


@dataclass(frozen=True)
class Source:
    """A slice that a frame names.

    Attributes:
        k: of the slice in its series.
        preserved: Spatial Locations Preserved (PS3.3 C.7.6.16.2.6): "YES", "NO", "REORIENTED_ONLY", or "" where it is
            absent.
    """

    k: int
    preserved: str


@dataclass(frozen=True)
class Derivation:
    """Frames, counted from 0, that name the same slices; at least one of each."""

    frames: tuple[int, ...]
    sources: tuple[Source, ...]


def derivations(dataset: Dataset, planes: Sequence[Plane]) -> list[Derivation]:
    """What the frames of a segmentation were made from, as far as it is among `planes`, slice k at k."""
    slices: dict[str, dict[int | None, int]] = defaultdict(dict)
    for k, plane in enumerate(planes):
        slices[plane.sop_instance_uid][plane.frame] = k
    groups = frame_groups(dataset)
    shared = shared_groups(dataset)
    if _DERIVATION in shared:
        return _named([Derivation(tuple(range(len(groups))), _sources(shared, slices))])
    return _named(Derivation(tuple(own), _sources(groups[own[0]], slices)) for own in _alike(groups))


def _named(found: Iterable[Derivation]) -> list[Derivation]:
    return [derivation for derivation in found if derivation.frames and derivation.sources]


def _alike(groups: Sequence[Dataset]) -> list[list[int]]:
    """Frames of the same derivation: those of a slice are the same for each of hundred segments, and slow to parse."""
    frames: dict[Hashable, list[int]] = defaultdict(list)
    for frame, group in enumerate(groups):
        element = group.get_item(_DERIVATION)
        if element is not None:
            frames[element.value if isinstance(element, RawDataElement) else frame].append(frame)
    return list(frames.values())


def _sources(group: Dataset, slices: Slices) -> tuple[Source, ...]:
    items = [item for part in group.get(_DERIVATION) or () for item in part.get("SourceImageSequence") or ()]
    return tuple(dict.fromkeys(source for item in items for source in _slices_of(item, slices)))


def _slices_of(item: Dataset, slices: Slices) -> list[Source]:
    """Of a multi-frame image the frames that are named, or all where none is."""
    own = slices.get(str(item.get("ReferencedSOPInstanceUID", "")), {})
    value = item.get("ReferencedFrameNumber") or ()
    numbers = {int(value)} if isinstance(value, (int, str)) else set(map(int, value))
    preserved = str(item.get("SpatialLocationsPreserved") or "")
    return [Source(k, preserved) for frame, k in own.items() if frame is None or not numbers or frame in numbers]
