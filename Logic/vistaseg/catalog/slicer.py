"""The text that 3D Slicer keeps in a segment's `TerminologyEntry` tag, and back.

The form is that of `vtkSlicerTerminologiesModuleLogic::SerializeTerminologyEntry`: seven parts joined by `~`
(context, category, type, type modifier, region context, region, region modifier), each code being scheme,
value and meaning joined by `^`.
"""

from __future__ import annotations

import re
from functools import lru_cache

from vistaseg.catalog.structures import Structure, structures
from vistaseg.catalog.terminology import Code, Terminology

GENERAL_ANATOMY = "Segmentation category and type - 3D Slicer General Anatomy list"
DICOM_MASTER = "Segmentation category and type - DICOM master list"
REGIONS = "Anatomic codes - DICOM master list"
_PART_COUNT = 7


def slicer_terminology_entry(subject: Structure | Terminology) -> str:
    """The value of the segment tag `TerminologyEntry`.

    The context is Slicer's General Anatomy list for codes of this catalogue that are in it, otherwise the
    DICOM master list; Slicer reads the codes from the entry itself and needs them in neither.

    Raises:
        ValueError: the structure is not supported and so has no codes.
    """
    terms = subject if isinstance(subject, Terminology) else subject.terminology
    if terms is None:
        raise ValueError("A structure that is not supported has no terminology.")
    codes = [_triplet(code) for code in (terms.category, terms.type, terms.type_modifier)]
    places = [_triplet(code) for code in (terms.region, terms.region_modifier)]
    return "~".join([_context(terms), *codes, REGIONS, *places])


def parse_terminology_entry(entry: str) -> Terminology | None:
    """The codes in a `TerminologyEntry` tag; None when it names no category and type, or is malformed."""
    parts = entry.split("~")
    if len(parts) != _PART_COUNT:
        return None
    category, type_ = _code(parts[1]), _code(parts[2])
    if category is None or type_ is None:
        return None
    region = _code(parts[5])
    return Terminology(category, type_, _code(parts[3]), region, _code(parts[6]) if region else None)


def _context(terms: Terminology) -> str:
    return GENERAL_ANATOMY if _identity(terms) in _general_anatomy() else DICOM_MASTER


@lru_cache(maxsize=1)
def _general_anatomy() -> frozenset[tuple[str, ...]]:
    listed = (structure.terminology for structure in structures() if structure.slicer_general_anatomy)
    return frozenset(_identity(terms) for terms in listed if terms)


def _identity(terms: Terminology) -> tuple[str, ...]:
    codes = (terms.category, terms.type, terms.type_modifier)
    return tuple(f"{code.scheme} {code.value}" if code else "" for code in codes)


def _triplet(code: Code | None) -> str:
    """Scheme, value and meaning; the form has no way to quote its two separators, so they become spaces."""
    if code is None:
        return "^^"
    return "^".join(re.sub(r"[~^]", " ", part) for part in (code.scheme, code.value, code.meaning))


def _code(part: str) -> Code | None:
    pieces = part.split("^")
    if len(pieces) != 3 or not pieces[1]:
        return None
    scheme, value, meaning = pieces
    return Code(value, scheme, meaning)
