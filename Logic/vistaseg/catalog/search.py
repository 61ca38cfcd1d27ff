"""Free text to structures: exact names and synonyms first, then beginnings of words and typing errors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from vistaseg.catalog.likeness import likeness
from vistaseg.catalog.sets import composites, groups, presets
from vistaseg.catalog.structures import Structure, expand, structures
from vistaseg.catalog.words import LONGEST_NAME, Words, words_of

_CUTOFF = 78.0
_BEST_INEXACT = 99.0
_BEGINNING_SCORE = 80.0
_SHORTEST_BEGINNING = 3
_SHORTEST_MISSPELT = 4
_SIDE_NOT_ASKED = 0.97
_SIDE_NOT_KNOWN = 0.9
_NUMBER_NOT_TYPED = 0.95


@dataclass(frozen=True)
class Match:
    """One answer to a text.

    Attributes:
        title: what to show.
        ids: the ids to prompt the model with; empty when the structure is not supported.
        score: 0 … 100; 100 is a name or synonym, exactly but for case, word order, plural and spelling.
        matched_text: the name or synonym that was recognised.
        structure: the one structure that is meant; None when the text means several.
    """

    title: str
    ids: tuple[int, ...]
    score: float
    matched_text: str
    structure: Structure | None = None


@dataclass(frozen=True)
class _Entry:
    title: str
    ids: tuple[int, ...]
    text: str
    words: Words
    structure: Structure | None

    def match(self, score: float) -> Match:
        return Match(self.title, self.ids, score, self.text, self.structure)


def find(text: str, limit: int = 5) -> list[Match]:
    """The structures and sets of structures that a text may mean, best first; nothing for nonsense, or a long text.

    A text that names a side is never answered with the other side, nor one with a number by another number.
    """
    words = words_of(text if len(text) <= LONGEST_NAME else "")
    if not words.all:
        return []
    exact = exact_match(text)
    found = {exact.ids or exact.title: exact} if exact else {}
    for match in sorted(_inexact(words), key=lambda match: -match.score):
        found.setdefault(match.ids or match.title, match)
    return list(found.values())[:limit]


def exact_match(text: str) -> Match | None:
    """What has exactly this name or synonym, but for case, word order, plural and spelling."""
    entry = _by_words().get(words_of(text).all)
    return entry.match(100.0) if entry else None


def by_name(name: str) -> Structure | None:
    """The structure with this name, or else this synonym; None when there is none or several are meant."""
    for structure in structures():
        if structure.name.casefold() == name.strip().casefold():
            return structure
    match = exact_match(name)
    return match.structure if match else None


def _inexact(words: Words) -> Iterator[Match]:
    for entry in _entries():
        score = _score(words, entry.words)
        if score >= _CUTOFF:
            yield entry.match(score)


def _score(query: Words, known: Words) -> float:
    """Likeness of spelling in 0 … 99, less for a side or number that only one of the two has."""
    other_side = query.side and known.side and query.side != known.side
    if other_side or not query.numbers <= known.numbers:
        return 0.0
    score = min(_BEST_INEXACT, max(_beginning(query, known), _likeness(query, known)))
    if known.side and not query.side:
        score *= _SIDE_NOT_ASKED
    if query.side and not known.side:
        score *= _SIDE_NOT_KNOWN
    return score * (_NUMBER_NOT_TYPED if known.numbers - query.numbers else 1.0)


def _likeness(query: Words, known: Words) -> float:
    one, other = _line(query.core), _line(known.core)
    if min(len(one), len(other)) < _SHORTEST_MISSPELT:
        return 0.0
    return likeness(one, other)


def _beginning(query: Words, known: Words) -> float:
    """When every word of the query begins a known word: the more of it was typed, the better."""
    beginnings = query.core
    if not beginnings or any(len(word) < _SHORTEST_BEGINNING for word in beginnings):
        return 0.0
    if not all(any(word.startswith(start) for word in known.core) for start in beginnings):
        return 0.0
    typed, full = sum(map(len, beginnings)), sum(map(len, known.core))
    return _BEGINNING_SCORE + (_BEST_INEXACT - _BEGINNING_SCORE) * min(1.0, typed / full)


def _line(words: Iterable[str]) -> str:
    return " ".join(sorted(words))


@lru_cache(maxsize=1)
def _by_words() -> dict[frozenset[str], _Entry]:
    table: dict[frozenset[str], _Entry] = {}
    for entry in _entries():
        table.setdefault(entry.words.all, entry)
    return table


@lru_cache(maxsize=1)
def _entries() -> tuple[_Entry, ...]:
    """Every text that is known; where two mean different things by the same words, the first one counts."""
    return tuple(
        _Entry(title, ids, text, words_of(text), structure)
        for title, ids, texts, structure in _known_terms()
        for text in texts
    )


def _known_terms() -> Iterator[tuple[str, tuple[int, ...], tuple[str, ...], Structure | None]]:
    yield from (_structure_term(structure) for structure in structures() if structure.supported)
    for composite in composites():
        yield composite.title, composite.ids, (composite.title, *composite.synonyms), None
    for preset in presets().values():
        yield preset.title, preset.ids, (preset.title, preset.key, *preset.synonyms), None
    yield from (_structure_term(structure) for structure in structures() if not structure.supported)
    for group in groups().values():
        if group.key not in presets():
            yield group.title, tuple(expand(group.ids)), (group.title, group.key), None


def _structure_term(structure: Structure) -> tuple[str, tuple[int, ...], tuple[str, ...], Structure]:
    return structure.name, structure.prompt_ids, (structure.name, *structure.synonyms), structure
