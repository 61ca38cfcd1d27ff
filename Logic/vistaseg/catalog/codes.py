"""Which structure codes mean."""

from __future__ import annotations

from functools import lru_cache

from vistaseg.catalog.structures import Structure, structures
from vistaseg.catalog.terminology import Code, Terminology

Identity = tuple[tuple[str, str] | None, ...]
"""Scheme and value of category, type, modifier and region: what tells structures apart; meanings are for people."""


def identity_of(terms: Terminology) -> Identity:
    """What tells the structure of some codes from others."""
    return tuple(_key(code) for code in (terms.category, terms.type, terms.type_modifier, terms.region))


def by_codes(terms: Terminology) -> Structure | None:
    """The structure that has these codes; None where there is none."""
    return _table().get(identity_of(terms))


@lru_cache(maxsize=1)
def _table() -> dict[Identity, Structure]:
    found: dict[Identity, Structure] = {}
    for structure in structures():
        if structure.supported and structure.terminology is not None:
            found.setdefault(identity_of(structure.terminology), structure)
    return found


def _key(code: Code | None) -> tuple[str, str] | None:
    return None if code is None else (code.scheme, code.value)
