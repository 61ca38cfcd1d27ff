"""What a segment is and how it was made, in the tags of Slicer's segments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import vtk

from vistaseg.segmentation import Segment
from vistaseg.segmentation.model import Color
from vistaseg.segmentation.tags import (
    TAG_NAMES,
    provenance_of,
    provenance_tags,
    segment_tags,
    structure_of,
    terminology_of,
)

if TYPE_CHECKING:
    from vistaseg.catalog import Terminology


@dataclass(frozen=True)
class SegmentRecord:
    """What is known of a segment, without its mask.

    Attributes:
        name: as Slicer shows it.
        structure_id: id in the catalogue, None for what is not in it.
        color: (red, green, blue), 0 to 255.
        terminology: DICOM codes, None where there are none.
        provenance: how it was made; see `vistaseg.segmentation.Segment`.
    """

    name: str
    structure_id: int | None
    color: Color
    terminology: Terminology | None
    provenance: dict[str, Any]


def tag_segment(vtk_segment: Any, segment: Segment) -> None:
    """Give a vtkSegment the name, colour, terminology and provenance of a segment."""
    vtk_segment.SetName(segment.name)
    vtk_segment.SetColor([value / 255 for value in segment.color])
    for name, value in segment_tags(segment).items():
        vtk_segment.SetTag(name, value)


def record_of(vtk_segment: Any) -> SegmentRecord:
    """What a vtkSegment says of itself, whoever made it."""
    tags = {name: text for name in TAG_NAMES if (text := read_tag(vtk_segment, name)) is not None}
    red, green, blue = (round(value * 255) for value in vtk_segment.GetColor())
    return SegmentRecord(
        vtk_segment.GetName() or "unnamed",
        structure_of(tags),
        (red, green, blue),
        terminology_of(tags),
        provenance_of(tags),
    )


def tag_provenance(vtk_segment: Any, provenance: Mapping[str, Any]) -> None:
    """Tell how a vtkSegment was made."""
    for name, value in provenance_tags(provenance).items():
        vtk_segment.SetTag(name, value)


def read_tag(vtk_segment: Any, name: str) -> str | None:
    """The text of a tag, None where there is none."""
    text = vtk.reference("")
    return str(text) if vtk_segment.GetTag(name, text) else None
