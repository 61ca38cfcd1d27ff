"""Whether a segment is still what a model made of it: tags say what that was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vistaseg.masks.boxed import BoxedMask
from vistaseg.mrml.tags import ANSWER_TAG, SEAL_TAG, read_tag
from vistaseg.segmentation.tags import json_tag, values_of_json_tag


@dataclass(frozen=True)
class Seal:
    """What an automatic segment was when it was made.

    Attributes:
        volume: `Volume.content_hash` of what it was made of.
        name: that it was given.
        mask: `BoxedMask.fingerprint`, on the grid of the volume.
    """

    volume: str
    name: str
    mask: str

    def holds(self, mask: BoxedMask) -> bool:
        """Whether this is the mask."""
        return mask.fingerprint == self.mask


def seal(vtk_segment: Any, made: Seal) -> None:
    """Say what a segment is now."""
    vtk_segment.SetTag(SEAL_TAG, json_tag({"volume": made.volume, "name": made.name, "mask": made.mask}))


def seal_of(vtk_segment: Any) -> Seal | None:
    """What a segment was when it was made automatically; None where nothing says so."""
    values = values_of_json_tag(read_tag(vtk_segment, SEAL_TAG) or "") or {}
    try:
        return Seal(str(values["volume"]), str(values["name"]), str(values["mask"]))
    except KeyError:
        return None


def seal_answer(vtk_segment: Any, mask: str) -> None:
    """Say what the last prompt made of a segment: its `BoxedMask.fingerprint`, on the grid of the volume."""
    vtk_segment.SetTag(ANSWER_TAG, mask)


def made_mask(vtk_segment: Any, provenance: Mapping[str, Any]) -> str | None:
    """`BoxedMask.fingerprint` of what a model last made of a segment; None where nothing says so.

    Args:
        provenance: of the segment; it tells which seal is the last.
    """
    if provenance.get("prompts"):
        return read_tag(vtk_segment, ANSWER_TAG)
    made = seal_of(vtk_segment) if provenance.get("algorithm_type") == "AUTOMATIC" else None
    return None if made is None else made.mask
