"""Coded terms as DICOM keeps them, and what a segment without terminology is called."""

from __future__ import annotations

from typing import Any

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from vistaseg.catalog import Code, Terminology

GENERIC = Terminology(Code("85756007", "SCT", "Tissue"), Code("85756007", "SCT", "Tissue"))
"""True of every structure; as 3D Slicer codes a segment without terminology."""

_LONGEST_VALUE = 16
_LONGEST_TEXT = 64


def code_sequence(code: Code) -> Sequence:
    """The one item of a code sequence (PS3.3 section 8.8)."""
    written = as_written(code)
    item = Dataset()
    setattr(item, "CodeValue" if len(written.value) <= _LONGEST_VALUE else "LongCodeValue", written.value)
    item.CodingSchemeDesignator = written.scheme
    item.CodeMeaning = written.meaning
    return Sequence([item])


def as_written(code: Code) -> Code:
    """The code as DICOM holds it: a meaning of over 64 bytes is cut, and one that is blank is the value."""
    return Code(code.value.strip(), code.scheme.strip(), short_text(code.meaning) or short_text(code.value))


def terms_as_written(terms: Terminology) -> Terminology:
    """All codes of a segment as DICOM holds them; a region's modifier only together with a region."""
    type_modifier, region, region_modifier = (
        None if code is None else as_written(code)
        for code in (terms.type_modifier, terms.region, terms.region_modifier if terms.region else None)
    )
    return Terminology(as_written(terms.category), as_written(terms.type), type_modifier, region, region_modifier)


def code_in(dataset: Dataset, keyword: str) -> Code | None:
    """The first code of the sequence `keyword`, None where there is none."""
    items = dataset.get(keyword)
    if not items:
        return None
    item = items[0]
    value = item.get("CodeValue") or item.get("LongCodeValue") or item.get("URNCodeValue")
    if not value:
        return None
    return Code(str(value), str(item.get("CodingSchemeDesignator", "")), str(item.get("CodeMeaning", "")))


def short_text(text: Any) -> str:
    """At most 64 bytes in UTF-8 without a backslash, which separates values: what VR LO (PS3.5 section 6.2) can hold.

    The standard counts characters, but some programs count bytes.
    """
    shortened = str(text).replace("\\", "/").encode("utf-8")[:_LONGEST_TEXT]
    return shortened.decode("utf-8", errors="ignore").strip()
