"""Items of the Segment Sequence (PS3.3 C.8.20.4): what a segment is, how it is drawn and how it was made."""

from __future__ import annotations

from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from vistaseg import catalog
from vistaseg.catalog import Structure, Terminology
from vistaseg.dicom.algorithm import add_algorithm, provenance_in
from vistaseg.dicom.codes import GENERIC, code_in, code_sequence, short_text
from vistaseg.dicom.history import predecessor_of
from vistaseg.segmentation import Segment, distinct_color
from vistaseg.segmentation.model import Color, Extent, Mask


def segment_item(segment: Segment, number: int) -> Dataset:
    """The item of a segment under its number in the file, 1 … N.

    A segment without terminology is called tissue, which is true of it, and keeps its name as its label. The tracking
    id of a segment that came from a DICOM segmentation is kept, so that it can be followed from one to the next.
    """
    item = Dataset()
    item.SegmentNumber = number
    _add_names(item, segment)
    _add_terminology(item, segment.terminology or GENERIC)
    add_algorithm(item, segment.provenance)
    item.RecommendedDisplayCIELabValue = cielab(segment.color)
    before = predecessor_of(segment.provenance)
    item.TrackingID = (before.tracking_id if before else "") or segment.name
    item.TrackingUID = (before.tracking_uid if before else "") or generate_uid(prefix=None)
    return item


def _add_names(item: Dataset, segment: Segment) -> None:
    """A name that does not fit into the label is kept whole in the description."""
    item.SegmentLabel = short_text(segment.name)
    if item.SegmentLabel != segment.name:
        item.SegmentDescription = segment.name[:1024]


def _add_terminology(item: Dataset, terms: Terminology) -> None:
    item.SegmentedPropertyCategoryCodeSequence = code_sequence(terms.category)
    item.SegmentedPropertyTypeCodeSequence = code_sequence(terms.type)
    if terms.type_modifier is not None:
        type_item = item.SegmentedPropertyTypeCodeSequence[0]
        type_item.SegmentedPropertyTypeModifierCodeSequence = code_sequence(terms.type_modifier)
    if terms.region is None:
        return
    item.AnatomicRegionSequence = code_sequence(terms.region)
    if terms.region_modifier is not None:
        item.AnatomicRegionSequence[0].AnatomicRegionModifierSequence = code_sequence(terms.region_modifier)


def cielab(color: Color) -> list[int]:
    """Recommended Display CIELab Value of (red, green, blue) in 0 … 255."""
    from highdicom.color import CIELabColor

    return list(CIELabColor.from_rgb(*color).value)


def segment_of_item(item: Dataset, mask: Mask, extent: Extent) -> Segment:
    """A segment from its item of the Segment Sequence; its label value is its number in the file."""
    number = int(item.SegmentNumber)
    terms, name = terminology_in(item), name_in(item)
    structure = _structure(name, terms)
    return Segment(
        name,
        number,
        None if structure is None else structure.id,
        color_in(item, number),
        terms,
        mask,
        extent,
        provenance_in(item),
    )


def name_in(item: Dataset) -> str:
    """The label of a segment; the description where it only says more of the same, and the label had no room."""
    label, description = str(item.get("SegmentLabel", "")), str(item.get("SegmentDescription", ""))
    whole = bool(label) and short_text(description) == label
    return description if whole else label or description or f"segment {item.SegmentNumber}"


def terminology_in(item: Dataset) -> Terminology | None:
    """The codes of a segment; None where it has no category or no type."""
    category = code_in(item, "SegmentedPropertyCategoryCodeSequence")
    type_ = code_in(item, "SegmentedPropertyTypeCodeSequence")
    if category is None or type_ is None:
        return None
    region = code_in(item, "AnatomicRegionSequence")
    modifier = code_in(item.SegmentedPropertyTypeCodeSequence[0], "SegmentedPropertyTypeModifierCodeSequence")
    side = code_in(item.AnatomicRegionSequence[0], "AnatomicRegionModifierSequence") if region else None
    return Terminology(category, type_, modifier, region, side)


def color_in(item: Dataset, number: int) -> Color:
    """(red, green, blue) of a segment; a colour of its own where the file has none."""
    from highdicom.color import CIELabColor

    value: Any = item.get("RecommendedDisplayCIELabValue")
    if value is None or len(value) != 3:
        return distinct_color(number)
    lightness, a, b = (int(part) for part in value)
    red, green, blue = CIELabColor.from_dicom_value((lightness, a, b)).to_rgb()
    return int(red), int(green), int(blue)


def _structure(name: str, terms: Terminology | None) -> Structure | None:
    """The structure of the catalogue that has these codes, and the name where several have the same codes."""
    if terms is None:
        return None
    same = [structure for structure in catalog.structures() if _same_codes(structure.terminology, terms)]
    named = [structure for structure in same if structure.name == name]
    return (named or same)[0] if len(named or same) == 1 else None


def _same_codes(one: Terminology | None, other: Terminology) -> bool:
    """Meanings differ between writers; what counts is scheme and value."""
    return one is not None and _values(one) == _values(other)


def _values(terms: Terminology) -> list[tuple[str, str] | None]:
    codes = (terms.category, terms.type, terms.type_modifier, terms.region, terms.region_modifier)
    return [None if code is None else (code.scheme, code.value) for code in codes]
