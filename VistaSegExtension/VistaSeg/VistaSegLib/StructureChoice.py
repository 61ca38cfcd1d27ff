"""Which structures can be chosen, and which of them a text means. No Qt."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from vistaseg import catalog
from vistaseg.catalog import Structure
from vistaseg.errors import WeightsError
from vistaseg.models.registry import spec

# Its members are the structures of other groups taken together, which presets choose.
NOT_LISTED = ("composites",)


def listedGroups() -> list[tuple[str, list[Structure]]]:
    """The title of each group and what is in it; structures that no model knows are not listed."""
    groups = (group for group in catalog.groups().values() if group.key not in NOT_LISTED)
    return [(group.title, [catalog.get(structureId) for structureId in group.ids]) for group in groups]


@lru_cache(maxsize=1)
def listedIds() -> frozenset[int]:
    """Ids of all structures that are listed."""
    return frozenset(structure.id for _title, structures in listedGroups() for structure in structures)


def idsKnownTo(models: Iterable[str]) -> frozenset[int]:
    """Ids known to the first model that knows any: the one that answers."""
    for key in models:
        try:
            known = spec(key).class_ids()
        except WeightsError:
            continue
        if known:
            return frozenset(known)
    return frozenset()


def idsFound(text: str) -> frozenset[int] | None:
    """Ids that a text may mean: by the beginnings of the words of their names, or as the catalogue finds them.

    None where nothing was typed.
    """
    words = text.casefold().split()
    if not words:
        return None
    named = {structure.id for structure in catalog.structures() if _isNamed(structure, words)}
    meant = {structureId for match in catalog.find(text) for structureId in match.ids}
    return frozenset(named | meant) & listedIds()


def idsOf(text: str) -> frozenset[int]:
    """Ids as `textOf` wrote them; what is not one is left out."""
    return frozenset(int(word) for word in text.split() if word.isdecimal()) & listedIds()


def textOf(ids: Iterable[int]) -> str:
    """Ids in one line, for the scene and the settings."""
    return " ".join(str(structureId) for structureId in sorted(ids))


def names() -> list[str]:
    """Names and synonyms to complete a text with, each once, in order of the alphabet."""
    known = [structure for structure in catalog.structures() if structure.supported]
    return sorted({name for structure in known for name in (structure.name, *structure.synonyms)}, key=str.casefold)


def _isNamed(structure: Structure, words: list[str]) -> bool:
    return any(
        all(any(part.startswith(word) for part in name.casefold().split()) for word in words)
        for name in (structure.name, *structure.synonyms)
    )
