"""Text to comparable words: case, accents, plurals, spellings, sides, ordinals and vertebral levels."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property, lru_cache

from vistaseg.catalog.likeness import differ_by_at_most
from vistaseg.catalog.structures import Side
from vistaseg.errors import UsageError
from vistaseg.resources import resource_path

_LEVEL_APART = re.compile(r"\b([cdlst]) (\d{1,2})\b")
_SIDE_JOINED = re.compile(r"\b([lr])(\d{1,2})\b")
_THORACIC = re.compile(r"\bth ?(\d{1,2})\b")
_SINGULAR_ENDINGS = ("as", "is", "ss", "us")
_LETTERS_FOR_AN_ERROR = 5
_SIDES = frozenset(("left", "right"))


@dataclass(frozen=True)
class Words:
    """A text as words without order."""

    all: frozenset[str]

    @cached_property
    def side(self) -> Side | None:
        """The one side that is named; None for neither or both."""
        left, right = "left" in self.all, "right" in self.all
        if left == right:
            return None
        return "left" if left else "right"

    @cached_property
    def numbers(self) -> frozenset[str]:
        """Numbers and vertebral levels, which are never a matter of spelling."""
        return frozenset(word for word in self.all if any(letter.isdigit() for letter in word))

    @cached_property
    def core(self) -> frozenset[str]:
        """What is named, without sides and numbers."""
        return self.all - _SIDES - self.numbers

    def same_but_for_typing(self, other: Words) -> bool:
        """Whether both say the same, but for one wrong, missing, further or swapped letter in every five."""
        if (self.side, self.numbers) != (other.side, other.numbers):
            return False
        one, two = (" ".join(sorted(words.core)) for words in (self, other))
        return differ_by_at_most(one, two, max(len(one), len(two)) // _LETTERS_FOR_AN_ERROR)


LONGEST_NAME = 200
"""Letters of a name that is looked for; the longest one that is known has 46."""


def require_short(name: str) -> None:
    """Refuse what is too long to be looked for.

    Raises:
        UsageError: says the limit.
    """
    if len(name) > LONGEST_NAME:
        raise UsageError(
            f'A name has at most {LONGEST_NAME} letters, and "{name[:20]}..." has {len(name)}. Shorten it.'
        )


def words_of(text: str) -> Words:
    """The words of a text in their usual spelling; empty when nothing in it has a meaning."""
    return Words(frozenset(_usual_word(word) for word in _plain(text).split()) - _vocabulary()[1])


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    ascii_text = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    spaced = re.sub(r"[\W_]+", " ", ascii_text.replace("'s", "")).strip()
    return _levels(spaced)


def _levels(text: str) -> str:
    """Beside the word rib, "l5" is a side and a number; elsewhere "l 5" is a vertebra."""
    if re.search(r"\bribs?\b", text):
        return _SIDE_JOINED.sub(r"\1 \2", text)
    return _LEVEL_APART.sub(r"\1\2", _THORACIC.sub(r"t\1", text))


def _usual_word(word: str) -> str:
    spellings = _vocabulary()[0]
    singular = _singular(word)
    return spellings.get(word) or spellings.get(singular) or singular


def _singular(word: str) -> str:
    if len(word) < 4 or not word.endswith("s") or word.endswith(_SINGULAR_ENDINGS):
        return word
    return word[:-3] + "y" if word.endswith("ies") else word[:-1]


@lru_cache(maxsize=1)
def _vocabulary() -> tuple[dict[str, str], frozenset[str]]:
    data = json.loads(resource_path("spellings.json").read_text(encoding="utf-8"))
    spellings = {other: usual for usual, others in data["spellings"].items() for other in others}
    return spellings, frozenset(data["ignored"])
