"""A list that somebody typed, such as "liver, left kidney, ribs, 57", to the ids to prompt the model with."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Integral

from vistaseg.catalog.search import exact_match, find
from vistaseg.catalog.structures import expand
from vistaseg.catalog.words import require_short
from vistaseg.errors import UsageError

_SEPARATORS = re.compile(r"[,;\n]")


@dataclass(frozen=True)
class Term:
    """A name that was given, and the ids to prompt the model with for it: several if it means several structures."""

    text: str
    ids: tuple[int, ...]


def parse_classes(text: str) -> list[int]:
    """The ids to prompt the model with, in the order given, without duplicates; see `parse_terms`."""
    return list(dict.fromkeys(structure_id for term in parse_terms(text) for structure_id in term.ids))


def ids_of(request: str | Iterable[int]) -> list[int]:
    """The ids to prompt the model with, of names in one text (see `parse_terms`) or of ids.

    Raises:
        UsageError: a name or id is unknown, or this is neither a text nor a list of ids.
    """
    if isinstance(request, str):
        return parse_classes(request)
    ids = list(request) if isinstance(request, Iterable) else [request]
    if not isinstance(request, Iterable) or not all(isinstance(one, Integral) for one in ids):
        raise UsageError(
            f'{request!r} does not name structures: give names in one text, such as "liver, left kidney", or a list of '
            "ids of the catalogue."
        )
    return expand(int(one) for one in ids)


def parse_terms(text: str) -> list[Term]:
    """The terms of a list, in the order given.

    Args:
        text: names, synonyms, ids, and keys or titles of presets and groups, separated by commas, semicolons
            or line ends. A term that means several structures counts as all of them.

    Raises:
        UsageError: a term is too long, unknown (the nearest names are given) or cannot be segmented (with the reason).
    """
    terms = [term.strip() for term in _SEPARATORS.split(text) if term.strip()]
    if not terms:
        raise UsageError('No structure was named: give names or ids, such as "liver, left kidney".')
    for term in terms:
        require_short(term)
    return [Term(term, tuple(expand(_ids(term)))) for term in terms]


def _ids(term: str) -> tuple[int, ...]:
    if term.isascii() and term.isdigit():
        return (int(term),)
    match = exact_match(term)
    if match is None:
        raise UsageError(_unknown(term))
    return (match.structure.id,) if match.structure else match.ids


def _unknown(term: str) -> str:
    names = [f'"{match.title}"' for match in find(term, limit=3) if match.ids]
    advice = f"Did you mean {' or '.join(names)}?" if names else "Look for it in the list of structures."
    return f'The structure "{term}" is not known. {advice}'
