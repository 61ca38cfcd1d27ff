"""History that 3D Slicer's importer drops: how the segments that it loaded from a DICOM segmentation were made.

The importer keeps of each segment its name, codes, colour, and the type and name of its algorithm. The file says more:
versions, the hash of the weights, prompts, tracking UIDs. Segments are found in it again by name and codes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from vistaseg import catalog
from vistaseg.dicom.codes import short_text, terms_as_written
from vistaseg.dicom.seg_reader import import_seg
from vistaseg.dicom.segment_items import terms_of
from vistaseg.errors import InputError
from vistaseg.geometry.grid import Grid
from vistaseg.segmentation import Segment, Segmentation
from vistaseg.segmentation.confidence import without_confidence
from vistaseg.segmentation.resampling import onto_grid
from vistaseg.segmentation.tags import IMPORTED

_CORRECTED = "corrected"
_LOST = "How some imported segments were made, and whether they were edited since, is not in the export."


def with_file_history(segmentation: Segmentation, file: Path | None) -> tuple[Segmentation, tuple[str, ...]]:
    """Give segments that were loaded from a DICOM segmentation their history back.

    A segment with the voxels of the file is still what the file says. One with other voxels was edited since: a model's
    result is then semiautomatic. One that was corrected by prompts keeps them; what they corrected is the file's.

    Args:
        segmentation: its provenance says which segments were imported.
        file: that they were loaded from; None where it cannot be found.

    Returns:
        The segmentation, and notes of what could not be given back.
    """
    wanted = [segment for segment in segmentation.segments if _origin(segment.provenance).get(IMPORTED)]
    if not wanted:
        return segmentation, ()
    try:
        known = _segments_of(file, segmentation.grid)
    except InputError as error:
        return segmentation, (f"{_LOST} {error}",)
    found: dict[int, Segment] = {}
    for segment in wanted:
        match = _match(segment, known)
        if match is not None:
            known = [one for one in known if one is not match]
            found[id(segment)] = match
    segments = [
        segment if id(segment) not in found else replace(segment, provenance=_history(segment, found[id(segment)]))
        for segment in segmentation.segments
    ]
    lost = ", ".join(segment.name for segment in wanted if id(segment) not in found)
    notes = (f"{_LOST} The DICOM segmentation that they were loaded from has none with these names: {lost}.",)
    return replace(segmentation, segments=segments), notes if lost else ()


def _segments_of(file: Path | None, grid: Grid) -> list[Segment]:
    if file is None:
        raise InputError("The DICOM segmentation that they were loaded from is not in Slicer's DICOM database.")
    return list(onto_grid(import_seg(file).segmentation, grid).segmentation.segments)


def _origin(provenance: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the first correction was made of."""
    before = provenance.get(_CORRECTED)
    return _origin(before) if isinstance(before, Mapping) else provenance


def _match(segment: Segment, known: Sequence[Segment]) -> Segment | None:
    """The segment of the file with this name and these codes; of several the one with the same voxels, or the first."""
    alike = [one for one in known if _label(one) == _label(segment) and _codes(one) == _codes(segment)]
    alike = alike or [one for one in known if _label(one) == _label(segment)]
    return next((one for one in alike if _same_voxels(one, segment)), alike[0] if alike else None)


def _label(segment: Segment) -> str:
    return short_text(segment.name)


def _codes(segment: Segment) -> object:
    return catalog.identity_of(terms_as_written(terms_of(segment)))


def _same_voxels(one: Segment, other: Segment) -> bool:
    return one.mask.equals(other.mask)


def _history(segment: Segment, known: Segment) -> dict[str, Any]:
    if _CORRECTED in segment.provenance:
        return _rebased(segment.provenance, known.provenance)
    if _same_voxels(segment, known):
        return dict(known.provenance)
    edited = {**without_confidence(known.provenance), "edited": True}
    return edited | ({"algorithm_type": "SEMIAUTOMATIC"} if edited.get("algorithm_type") == "AUTOMATIC" else {})


def _rebased(provenance: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    before = provenance.get(_CORRECTED)
    return {**provenance, _CORRECTED: _rebased(before, known)} if isinstance(before, Mapping) else dict(known)
