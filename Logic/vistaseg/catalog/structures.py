"""The 132 classes of VISTA3D: names, synonyms, codes and colours."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from vistaseg.catalog.terminology import Code, Terminology
from vistaseg.errors import UsageError
from vistaseg.resources import resource_path

Side = Literal["left", "right"]
Color = tuple[int, int, int]


@dataclass(frozen=True)
class Structure:
    """One class of VISTA3D.

    Attributes:
        id: the class id, 1 … 132.
        name: the label name that the model's authors use.
        supported: whether it can be segmented at all; if not, `note` says why.
        direct_prompt: whether the id itself is a prompt; a supported structure that is not is the union of
            its `subclasses`, and takes no points.
        in_everything: whether it belongs to the label map of everything.
        special_points: whether its clicks are sent as 3 (positive) and 2 (negative) instead of 1 and 0.
        subclasses: ids it is prompted as; empty when `direct_prompt`.
        laterality: the side in its name, if any.
        group: key of the group it is listed in.
        synonyms: other names and spellings.
        terminology: codes for DICOM and Slicer; None when not supported.
        color: recommended display colour, red, green and blue in 0 … 255.
        note: what a user should know about it; may be empty.
        instead: ids to suggest when it is not supported.
        slicer_general_anatomy: whether its codes are in Slicer's General Anatomy list.
    """

    id: int
    name: str
    supported: bool
    direct_prompt: bool
    in_everything: bool
    special_points: bool
    subclasses: tuple[int, ...]
    laterality: Side | None
    group: str
    synonyms: tuple[str, ...]
    terminology: Terminology | None
    color: Color
    note: str
    instead: tuple[int, ...]
    slicer_general_anatomy: bool

    @property
    def prompt_ids(self) -> tuple[int, ...]:
        """The ids that the model is prompted with for it; empty when it is not supported."""
        if not self.supported:
            return ()
        return (self.id,) if self.direct_prompt else self.subclasses


@lru_cache(maxsize=1)
def structures() -> tuple[Structure, ...]:
    """All 132 structures by ascending id, the unsupported ones among them."""
    rows = json.loads(resource_path("structures.json").read_text(encoding="utf-8"))["structures"]
    return tuple(_structure(row) for row in rows)


def get(structure_id: int) -> Structure:
    """The structure with this id.

    Raises:
        UsageError: there is none.
    """
    table = structures()
    if not 1 <= structure_id <= len(table):
        raise UsageError(f"Unknown structure {structure_id}: the ids go from 1 to {len(table)}.")
    return table[structure_id - 1]


def everything() -> tuple[int, ...]:
    """The 117 ids whose union is the label map of everything, ascending."""
    return tuple(structure.id for structure in structures() if structure.in_everything)


def expand(ids: Iterable[int]) -> list[int]:
    """The ids to prompt the model with for `ids`: order kept, subclasses for their whole, no duplicates.

    Raises:
        UsageError: an id does not exist or is not supported; the message says why.
    """
    return list(dict.fromkeys(part for structure_id in ids for part in _prompt_ids(structure_id)))


def _prompt_ids(structure_id: int) -> tuple[int, ...]:
    structure = get(structure_id)
    if not structure.supported:
        raise UsageError(_refusal(structure))
    return structure.prompt_ids


def _refusal(structure: Structure) -> str:
    advice = " or ".join(f'"{get(structure_id).name}"' for structure_id in structure.instead)
    ask = f"Ask for {advice} instead." if advice else "Leave it out, or click it as a structure of its own."
    return f'VISTA3D cannot segment "{structure.name}" (id {structure.id}): {structure.note}. {ask}'


def _structure(row: dict[str, Any]) -> Structure:
    codes = row.get("terminology")
    red, green, blue = row["color"]
    return Structure(
        id=row["id"],
        name=row["name"],
        supported=row["supported"],
        direct_prompt=row["direct_prompt"],
        in_everything=row["in_everything"],
        special_points=row["special_points"],
        subclasses=tuple(row.get("subclasses", ())),
        laterality=row.get("laterality"),
        group=row["group"],
        synonyms=tuple(row["synonyms"]),
        terminology=_terminology(codes) if codes else None,
        color=(red, green, blue),
        note=row.get("note", ""),
        instead=tuple(row.get("instead", ())),
        slicer_general_anatomy=row.get("slicer_general_anatomy", False),
    )


def _terminology(codes: dict[str, list[str]]) -> Terminology:
    return Terminology(**{role: Code(value, scheme, text) for role, (scheme, value, text) in codes.items()})
