"""Structures taken together: groups to list them in, presets to choose, and words that mean several ids."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from vistaseg.catalog.structures import structures
from vistaseg.resources import resource_path


@dataclass(frozen=True)
class Group:
    """A heading for people; each supported structure is under exactly one. `ids` are ascending."""

    key: str
    title: str
    ids: tuple[int, ...]


@dataclass(frozen=True)
class Preset:
    """A choice that is often made at once; all its `ids` can be prompted directly."""

    key: str
    title: str
    ids: tuple[int, ...]
    synonyms: tuple[str, ...]


@dataclass(frozen=True)
class Composite:
    """A term that means several structures, such as "left lung"; all its `ids` can be prompted directly."""

    title: str
    ids: tuple[int, ...]
    synonyms: tuple[str, ...]


@lru_cache(maxsize=1)
def groups() -> Mapping[str, Group]:
    """The groups by key, in the order to show them."""
    rows = _sets()["groups"]
    made = (Group(row["key"], row["title"], _members(row["key"])) for row in rows)
    return MappingProxyType({group.key: group for group in made})


@lru_cache(maxsize=1)
def presets() -> Mapping[str, Preset]:
    """The presets by key, in the order to show them; a preset with the key of a group has the same ids."""
    rows = _sets()["presets"]
    made = (Preset(row["key"], row["title"], tuple(row["ids"]), tuple(row["synonyms"])) for row in rows)
    return MappingProxyType({preset.key: preset for preset in made})


@lru_cache(maxsize=1)
def composites() -> tuple[Composite, ...]:
    """The terms that mean several structures and are not presets."""
    rows = _sets()["composites"]
    return tuple(Composite(row["title"], tuple(row["ids"]), tuple(row["synonyms"])) for row in rows)


def _members(group: str) -> tuple[int, ...]:
    return tuple(structure.id for structure in structures() if structure.group == group)


@lru_cache(maxsize=1)
def _sets() -> dict[str, Any]:
    sets: dict[str, Any] = json.loads(resource_path("structure-sets.json").read_text(encoding="utf-8"))
    return sets
