"""Names of structures for SegVol: those it was trained with, the nearest of them, and texts that are not names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import lru_cache

from vistaseg import catalog
from vistaseg.catalog.likeness import likeness, words_likeness
from vistaseg.catalog.words import Words, require_short, words_of
from vistaseg.errors import UsageError
from vistaseg.resources import resource_path

MOST_WORDS = 10
"""Words that a name may have; the longest trained one has 5."""

_SENTENCE = frozenset(
    ("not", "but", "except", "everything", "near", "or")
    + ("the", "this", "that", "these", "in", "is", "are", "was", "there", "where", "which", "with", "without")
    + ("please", "find", "show", "give", "mark", "segment", "me", "all")
)
"""Words that are part of sentences and of no trained name."""

_CUTOFF = 75.0
_ONE_SIDED = 5.0
"""Likeness that a side or number costs which only one of two texts has."""


@lru_cache(maxsize=1)
def category_names() -> tuple[str, ...]:
    """The 222 names that SegVol was trained with, as they were written."""
    return tuple(_resource()["names"])


@lru_cache(maxsize=1)
def suggested_names() -> tuple[str, ...]:
    """The trained names without those that say the same in other words' order or spelling, or nothing on their own."""
    left_out = set(_resource()["not_suggested"])
    by_words = {words_of(name).all: name for name in reversed(category_names()) if name not in left_out}
    return tuple(reversed(by_words.values()))


def require_name(text: str) -> None:
    """Refuse a text that does not name a structure.

    Raises:
        UsageError: it is a sentence, which SegVol was not trained to read (the message has the nearest names), or a
            list of names, or too long.
    """
    require_short(text)
    if _is_known(text):
        return
    words = re.findall(r"[^\W_]+", text.casefold())
    if len(words) > MOST_WORDS or _SENTENCE & set(words) or text.rstrip().endswith((".", "?", "!")):
        names = nearest_names(text) or ("liver", "left kidney")
        raise UsageError(f"SegVol reads names of structures, not sentences. Ask for {_quoted(names)}, say.")
    if re.search("[,;]", text) or "and" in words:
        raise UsageError(f'"{text}" names several structures. Ask for one at a time.')


def _is_known(text: str) -> bool:
    """Whether a text is a name that somebody gave: some have an "and" or an "or" of their own."""
    return words_of(text).all in {words_of(name).all for name in category_names()}


def name_doubt(text: str) -> str:
    """A sentence for the user where a text is none of the trained names, else nothing."""
    if _is_known(text):
        return ""
    names = nearest_names(text)
    advice = f"The nearest are {_quoted(names)}." if names else "Draw a box around the structure too."
    return f'"{text}" is none of the names that SegVol was trained with. {advice}'


def trained_spelling(text: str) -> str:
    """The name that SegVol was trained with for what a text says, as it was written; where there is none, the text.

    A name says the same in another order of words, with typing errors, or as a synonym of the catalogue; one that says
    more or less, such as another side or a part, is another name.
    """
    known = next((name for name in (text, text.casefold()) if name in category_names()), None)
    if known is not None:
        return known
    given, meant = words_of(text), catalog.by_name(text)
    synonyms = () if meant is None else (meant.name, *meant.synonyms)
    same = {words_of(name).all for name in (text, *synonyms)}
    exact = (name for name in category_names() if words_of(name).all in same)
    misspelt = (name for name in category_names() if given.same_but_for_typing(words_of(name)))
    return next(exact, None) or next(misspelt, None) or text


def nearest_names(text: str, limit: int = 3) -> tuple[str, ...]:
    """Trained names that a text may mean, best first; nothing for nonsense.

    Besides the text itself, the names and synonyms of the structures that the catalogue takes it for are compared. A
    text that names a side is never answered with the other side, nor one with a number by another number.
    """
    own, synonyms = words_of(text), _synonyms(text)
    possible = [name for name in suggested_names() if not _contradict(own, words_of(name))]
    scored = [(max(_likeness(words, words_of(name)) for words in (own, *synonyms)), name) for name in possible]
    best = sorted((pair for pair in scored if pair[0][0] >= _CUTOFF), key=lambda pair: pair[0], reverse=True)
    return tuple(name for _, name in best[:limit])


def _synonyms(text: str) -> list[Words]:
    found = [match.structure for match in catalog.find(text, limit=1) if match.structure is not None]
    return [words_of(term) for structure in found for term in (structure.name, *structure.synonyms)]


def _contradict(one: Words, other: Words) -> bool:
    """Whether two texts name different sides or numbers."""
    sides = one.side and other.side and one.side != other.side
    return bool(sides or (one.numbers and other.numbers and one.numbers != other.numbers))


def _likeness(given: Words, known: Words) -> tuple[float, float]:
    """0 … 100, of the words that both have or nearly have, and of the whole."""
    missing = (given.side != known.side) + (given.numbers != known.numbers)
    line, other = (" ".join(sorted(words.core)) for words in (given, known))
    return words_likeness(given.core, known.core) - _ONE_SIDED * missing, likeness(line, other)


def _quoted(names: Iterable[str]) -> str:
    return " or ".join(f'"{name}"' for name in names)


@lru_cache(maxsize=1)
def _resource() -> dict[str, list[str]]:
    found: dict[str, list[str]] = json.loads(resource_path("segvol-categories.json").read_text(encoding="utf-8"))
    return found
