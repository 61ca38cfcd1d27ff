"""The JSON table beside NIfTI files: what each label is, and the exact grid."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vistaseg.errors import InputError
from vistaseg.segmentation.model import EMPTY_EXTENT, Extent, Mask, Segment, Segmentation

if TYPE_CHECKING:
    from vistaseg.catalog import Code, Terminology

FORMAT = "vistaseg segmentation"
FOLDER_TABLE = "segments.json"
_CODES = ("category", "type", "type_modifier", "region", "region_modifier")


def make_table(segmentation: Segmentation, files: list[str] | None = None) -> dict[str, Any]:
    """The table of a segmentation; `files` names the file of each segment where each has its own."""
    rows = [_row(segmentation, segment) for segment in segmentation.segments]
    for row, file in zip(rows, files or [], strict=False):
        row["file"] = file
    grid = {"size_ijk": list(segmentation.shape_ijk), "ijk_to_ras": segmentation.ijk_to_ras.tolist()}
    return {"format": FORMAT, "version": 1, "name": segmentation.name, "grid": grid, "segments": rows}


def _row(segmentation: Segmentation, segment: Segment) -> dict[str, Any]:
    return {
        "id": segment.structure_id,
        "name": segment.name,
        "label": segment.label_value,
        "color": list(segment.color),
        "codes": _codes(segment.terminology),
        "ml": round(segmentation.volume_ml(segment), 3),
        "voxels": segment.voxel_count,
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
    return (json.dumps(table, indent=1, ensure_ascii=False) + "\n").encode("utf-8")


def read_table(path: Path) -> dict[str, Any] | None:
    """Read a table; None for the JSON file of another program.

    Raises:
        InputError: missing or damaged.
    """
    try:
        table = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}): check the path.") from error
    except ValueError as error:
        raise InputError(f"{path} is damaged ({error}): write the segmentation again.") from error
    return table if isinstance(table, dict) and table.get("format") == FORMAT else None


def segment_of_row(row: dict[str, Any], crop: tuple[Mask, Extent] | None) -> Segment:
    """A segment from its row and its cropped mask; None when no voxel has its label.

    Raises:
        KeyError, TypeError, ValueError: the row is damaged.
    """
    mask, extent = crop or (np.zeros((0, 0, 0), dtype=bool), EMPTY_EXTENT)
    red, green, blue = row["color"]
    terminology = _terminology(row["codes"])
    return Segment(
        row["name"], row["label"], row["id"], (red, green, blue), terminology, mask, extent, row["provenance"]
    )


def _terminology(codes: dict[str, Any] | None) -> Terminology | None:
    from vistaseg.catalog import Code, Terminology

    if codes is None:
        return None
    return Terminology(**{part: codes[part] and Code(**codes[part]) for part in _CODES})
