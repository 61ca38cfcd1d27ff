"""Segment tags of 3D Slicer: terminology, how a segment was made, and what of it DICOM wants to know.

Slicer keeps the tags of a segment as `key:value|key:value|` and has no escape for `|`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from vistaseg.bounded_json import parse_json
from vistaseg.segmentation.model import Segment

if TYPE_CHECKING:
    from vistaseg.catalog import Terminology

_TERMINOLOGY = "TerminologyEntry"
_ALGORITHM_TYPE = "DICOM.SegmentAlgorithmType"
_ALGORITHM_NAME = "DICOM.SegmentAlgorithmName"
_STRUCTURE = "VistaSeg.StructureId"
_PROVENANCE = "VistaSeg.Provenance"

IMPORTED = "imported"
"""Key in the provenance of a segment that 3D Slicer loaded from a DICOM segmentation."""

PROVENANCE_TAG_NAMES = (_ALGORITHM_TYPE, _ALGORITHM_NAME, _PROVENANCE)
"""What `provenance_tags` may write."""
TAG_NAMES = (_TERMINOLOGY, _STRUCTURE, *PROVENANCE_TAG_NAMES)
"""What `structure_of`, `terminology_of` and `provenance_of` read."""

# Printable ASCII without what Slicer or NRRD would take as their own, and without "%" itself.
_JSON_SAFE = "".join(chr(code) for code in range(32, 127) if chr(code) not in "%|\\")


def segment_tags(segment: Segment) -> dict[str, str]:
    """The tags that tell Slicer all about a segment."""
    from vistaseg.catalog import slicer_terminology_entry

    tags = {"Segmentation.Status": "inprogress"} | provenance_tags(segment.provenance)
    if segment.terminology is not None:
        tags[_TERMINOLOGY] = slicer_terminology_entry(segment.terminology)
    if segment.structure_id is not None:
        tags[_STRUCTURE] = str(segment.structure_id)
    return tags


def provenance_tags(provenance: Mapping[str, Any]) -> dict[str, str]:
    """The tags that tell how a segment was made."""
    return _algorithm_tags(provenance) | {_PROVENANCE: json_tag(provenance)}


def json_tag(values: Mapping[str, Any]) -> str:
    """JSON-able values as the text of a tag."""
    return quote(json.dumps(dict(values), ensure_ascii=False), safe=_JSON_SAFE, errors="backslashreplace")


def _algorithm_tags(provenance: Mapping[str, Any]) -> dict[str, str]:
    """DICOM wants a name for every algorithm, except for what was drawn by hand."""
    kind = provenance.get("algorithm_type")
    if kind is None:
        return {}
    name = provenance.get("algorithm_name") or provenance.get("model") or "VistaSeg"
    named = {} if kind == "MANUAL" else {_ALGORITHM_NAME: str(name)}
    return {_ALGORITHM_TYPE: str(kind)} | named


def join_tags(tags: Mapping[str, str]) -> str:
    """Tags as Slicer writes them into one line; a separator within a value becomes a space."""
    return "".join(f"{key}:{value.replace('|', ' ')}|" for key, value in sorted(tags.items()))


def split_tags(text: str) -> dict[str, str]:
    """Tags from the line that Slicer writes; pieces without a key are dropped, as Slicer does."""
    pieces = (piece.partition(":") for piece in text.split("|"))
    return {key: value for key, colon, value in pieces if colon}


def structure_of(tags: Mapping[str, str]) -> int | None:
    """Catalog id, if a tag tells one; by the codes where somebody has given the segment those of another structure."""
    noted, terms = noted_structure(tags), terminology_of(tags)
    if noted is None or terms is None:
        return noted
    from vistaseg import catalog

    structure = next((each for each in catalog.structures() if each.id == noted), None)
    if structure is None or structure.terminology is None:
        return noted
    if catalog.identity_of(structure.terminology) == catalog.identity_of(terms):
        return noted
    other = catalog.by_codes(terms)
    return None if other is None else other.id


def noted_structure(tags: Mapping[str, str]) -> int | None:
    """Catalog id of what the segment was made as, whatever its codes say now."""
    text = tags.get(_STRUCTURE, "")
    return int(text) if re.fullmatch(r"[0-9]{1,5}", text) else None


def provenance_of(tags: Mapping[str, str]) -> dict[str, Any]:
    """How the segment was made: what VistaSeg noted, with the algorithm type that the file says now.

    Another program may have edited the segment and changed the DICOM tag, which then is the newer truth.
    """
    noted = values_of_json_tag(tags.get(_PROVENANCE, ""))
    known = noted if noted is not None else _named(tags, "algorithm_name", _ALGORITHM_NAME)
    return known | _named(tags, "algorithm_type", _ALGORITHM_TYPE)


def _named(tags: Mapping[str, str], key: str, tag: str) -> dict[str, Any]:
    return {key: tags[tag]} if tag in tags else {}


def values_of_json_tag(text: str) -> dict[str, Any] | None:
    """None for what no longer is JSON: another program may have changed it, and the masks are still good.

    What is nested too deep or has a number that is too large, which no program writes by accident, is none either;
    see `require_sound_tags`.
    """
    try:
        value = parse_json(unquote(text))
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def require_sound_tags(tags: Mapping[str, str]) -> None:
    """Refuse tags of a file that were made to do harm.

    Raises:
        ValueError: JSON in one is nested too deep, or has a number that is too large.
    """
    try:
        parse_json(unquote(tags.get(_PROVENANCE, "null")))
    except json.JSONDecodeError:
        return
    except ValueError as error:
        raise ValueError(f"in the tag {_PROVENANCE} {error}") from error


def terminology_of(tags: Mapping[str, str]) -> Terminology | None:
    """The terminology in the tags of a segment, None where there is none or it names no category."""
    from vistaseg.catalog import parse_terminology_entry

    return parse_terminology_entry(tags.get(_TERMINOLOGY, ""))
