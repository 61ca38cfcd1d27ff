"""Items of the Segment Sequence (PS3.3 C.8.20.4): what a segment is, how it is drawn and how it was made."""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from vistaseg import catalog
from vistaseg.catalog import Code, Structure, Terminology
from vistaseg.dicom.algorithm import add_algorithm, provenance_in
from vistaseg.dicom.codes import GENERIC, code_in, code_sequence, short_text
from vistaseg.dicom.history import predecessor_of
from vistaseg.masks.boxed import BoxedMask
from vistaseg.segmentation import Segment, distinct_color
from vistaseg.segmentation.model import Color
from vistaseg.volume.dicom.values import read_numbers

ANATOMY = Code("123037004", "SCT", "Anatomical Structure")
OWN_SCHEME = "99VISTASEG"
"""Coding scheme of structures that have no other code, by their id in the catalogue; "99" is for private ones."""
LONGEST_DESCRIPTION = 1024  # characters of VR ST, PS3.5 section 6.2


def segment_item(segment: Segment, number: int) -> Dataset:
    """The item of a segment under its number in the file, 1 … N.

    A segment without terminology is called tissue, which is true of it, and keeps its name as its label; a structure of
    the catalogue without a standard code has one of ours. The tracking
    id of a segment that came from a DICOM segmentation is kept, so that it can be followed from one to the next.
    """
    item = Dataset()
    item.SegmentNumber = number
    _add_names(item, segment)
    _add_terminology(item, terms_of(segment))
    add_algorithm(item, segment.provenance)
    item.RecommendedDisplayCIELabValue = cielab(segment.color)
    before = predecessor_of(segment.provenance)
    item.TrackingID = (before.tracking_id if before else "") or segment.name
    item.TrackingUID = (before.tracking_uid if before else "") or generate_uid(prefix=None)
    return item


def terms_of(segment: Segment) -> Terminology:
    """What a segment is called in the file."""
    if segment.terminology is not None:
        return segment.terminology
    known = {structure.id: structure for structure in catalog.structures()}.get(segment.structure_id or 0)
    return GENERIC if known is None else Terminology(ANATOMY, Code(str(known.id), OWN_SCHEME, known.name))


def _add_names(item: Dataset, segment: Segment) -> None:
    """A name that does not fit into the label is kept whole in the description."""
    item.SegmentLabel = short_text(segment.name)
    if item.SegmentLabel != segment.name:
        item.SegmentDescription = segment.name[:LONGEST_DESCRIPTION]


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


def segment_of_item(item: Dataset, mask: BoxedMask) -> Segment:
    """A segment from its item of the Segment Sequence; its label value is its number in the file."""
    number = int(item.SegmentNumber)
    terms, name = terminology_in(item), name_in(item)
    structure = _own_structure(terms) or _structure(name, terms)
    if _own_structure(terms) is not None:
        terms = None
    return Segment(
        name,
        number,
        None if structure is None else structure.id,
        color_in(item, number),
        terms,
        mask,
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
    """(red, green, blue) of a segment; a colour of its own where the file has none.

    A colour that no screen can show is taken for the nearest one that it can.
    """
    from highdicom.color import CIELabColor

    numbers = read_numbers(item, "RecommendedDisplayCIELabValue", 3).numbers
    if numbers is None:
        return distinct_color(number)
    lightness, a, b = (int(part) for part in np.clip(numbers, 0, 0xFFFF))
    red, green, blue = CIELabColor.from_dicom_value((lightness, a, b)).to_rgb(clip=True)
    return int(red), int(green), int(blue)


def _own_structure(terms: Terminology | None) -> Structure | None:
    """The structure of the catalogue that has no other code than ours."""
    if terms is None or terms.type.scheme != OWN_SCHEME:
        return None
    return next((structure for structure in catalog.structures() if str(structure.id) == terms.type.value), None)


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
