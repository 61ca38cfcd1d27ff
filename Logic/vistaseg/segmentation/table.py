"""The JSON table beside NIfTI files: what each label is, and the exact grid."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vistaseg.bounded_json import read_json_file
from vistaseg.errors import InputError
from vistaseg.masks.boxed import NO_VOXELS, BoxedMask
from vistaseg.segmentation.model import Color, Segment, Segmentation

if TYPE_CHECKING:
    from vistaseg.catalog import Code, Terminology

FORMAT = "vistaseg segmentation"
FOLDER_TABLE = "segments.json"
_CODES = ("category", "type", "type_modifier", "region", "region_modifier")


def label_map_table(segmentation: Segmentation, sha256: str) -> dict[str, Any]:
    """The table of a label map with this hash, and of no other file of its name."""
    rows = [_row(segmentation, segment) for segment in segmentation.segments]
    return _table(segmentation, rows) | {"image": {"sha256": sha256}}


def folder_table(segmentation: Segmentation, files: Sequence[WrittenFile]) -> dict[str, Any]:
    """The table of a folder in which each segment has a file."""
    pairs = zip(segmentation.segments, files, strict=True)
    return _table(segmentation, [_row(segmentation, segment) | file.as_dict() for segment, file in pairs])


@dataclass(frozen=True)
class WrittenFile:
    """A file that a table describes; only what has this hash is meant."""

    name: str
    sha256: str

    def as_dict(self) -> dict[str, str]:
        """For JSON."""
        return {"file": self.name, "sha256": self.sha256}


def is_described(path: Path, entry: dict[str, Any]) -> bool:
    """Whether a file is the one that an entry of a table was written for; earlier versions wrote no hash.

    Raises:
        InputError: the file cannot be read.
    """
    from vistaseg.io import sha256_of

    try:
        return "sha256" not in entry or sha256_of(path) == entry["sha256"]
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}): check the path.") from error


def _table(segmentation: Segmentation, rows: list[dict[str, Any]]) -> dict[str, Any]:
    grid = {"size_ijk": list(segmentation.shape_ijk), "ijk_to_ras": segmentation.ijk_to_ras.tolist()}
    return {"format": FORMAT, "version": 1, "name": segmentation.name, "grid": grid, "segments": rows}


def _row(segmentation: Segmentation, segment: Segment) -> dict[str, Any]:
    # Only now: the panel opens sooner without it.
    from vistaseg.segmentation.plausibility import segment_findings

    return {
        "id": segment.structure_id,
        "name": segment.name,
        "label": segment.label_value,
        "color": list(segment.color),
        "codes": _codes(segment.terminology),
        "ml": round(segmentation.volume_ml(segment), 3),
        "voxels": segment.voxel_count,
        "findings": [finding.as_dict() for finding in segment_findings(segment, segmentation.grid)],
        "provenance": segment.provenance,
    }


def _codes(terminology: Terminology | None) -> dict[str, Any] | None:
    if terminology is None:
        return None
    return {part: _code(getattr(terminology, part)) for part in _CODES}


def _code(code: Code | None) -> dict[str, str] | None:
    return None if code is None else {"value": code.value, "scheme": code.scheme, "meaning": code.meaning}


def table_bytes(table: dict[str, Any]) -> bytes:
    """The table as it is written: JSON in UTF-8."""
    # Half a character, of a file name that is not UTF-8, becomes what JSON itself writes for it: "\\udcfc".
    return (json.dumps(table, indent=1, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")


def read_table(path: Path) -> dict[str, Any] | None:
    """Read a table; None for the JSON file of another program.

    Raises:
        InputError: missing or damaged.
    """
    try:
        table = read_json_file(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}): check the path.") from error
    except ValueError as error:
        raise InputError(f"{path} is damaged ({error}): write the segmentation again.") from error
    return table if isinstance(table, dict) and table.get("format") == FORMAT else None


def segment_of_row(row: dict[str, Any], mask: BoxedMask | None) -> Segment:
    """A segment from its row and its mask; None when no voxel has its label.

    Raises:
        KeyError, TypeError, ValueError: the row is damaged.
    """
    name, provenance, structure_id = row["name"], row["provenance"], row["id"]
    if not isinstance(name, str) or not isinstance(provenance, dict):
        raise TypeError("a name is a text, and a provenance an object")
    label, color = whole_number(row["label"]), _color(row["color"])
    known = None if structure_id is None else whole_number(structure_id)
    return Segment(name, label, known, color, _terminology(row["codes"]), mask or NO_VOXELS, provenance)


def whole_number(value: Any) -> int:
    """A value of JSON that has to be a whole number.

    Raises:
        TypeError: it is something else.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{reprlib.repr(value)} is not a whole number")
    return value


def _color(values: Any) -> Color:
    red, green, blue = (whole_number(value) for value in values)
    if not 0 <= min(red, green, blue) <= max(red, green, blue) <= 255:
        raise ValueError(f"the colour {red}, {green}, {blue} is not in 0 to 255")
    return red, green, blue


def _terminology(codes: dict[str, Any] | None) -> Terminology | None:
    from vistaseg.catalog import Terminology

    if codes is None:
        return None
    category, type_, *others = (_code_of(codes[part]) for part in _CODES)
    if category is None or type_ is None:
        raise ValueError("the codes have no category or no type")
    return Terminology(category, type_, *others)


def _code_of(values: dict[str, Any] | None) -> Code | None:
    from vistaseg.catalog import Code

    if values is None:
        return None
    texts = (values["value"], values["scheme"], values["meaning"])
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("a code is three texts")
    return Code(*texts)
