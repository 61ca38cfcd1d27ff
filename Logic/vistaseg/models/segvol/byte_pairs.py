"""Byte pair encoding with CLIP's vocabulary.

The encoding is that of Sennrich et al., 2016 (arXiv 1508.07909), on bytes; the vocabulary that of Radford et al., 2021.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

MERGES = 48894
"""Merges of CLIP's vocabulary; with 256 bytes, within a word and at its end, and two marks they make 49408 tokens."""

_END = "</w>"
_WORDS = re.compile(r"'(?:s|t|re|ve|m|ll|d)|[^\W\d_]+|\d|(?:[^\s\w]|_)+")

Merge = tuple[str, str]


class BytePairs:
    """Splits text into tokens by merging, in each word, first what was merged first when the vocabulary was made."""

    def __init__(self, merges: Sequence[Merge]) -> None:
        self._characters = _byte_characters()
        single = list(self._characters.values())
        tokens = [*single, *(character + _END for character in single), *map("".join, merges)]
        self._ids = {token: i for i, token in enumerate(tokens)}
        self._ranks = {merge: rank for rank, merge in enumerate(merges)}

    @classmethod
    def read(cls, path: Path) -> BytePairs:
        """Read the merges of the vocabulary, gzipped, one on a line, in order of their ranks."""
        # The first line is the version of the format.
        rows = gzip.decompress(path.read_bytes()).decode().splitlines()[1:]
        return cls([(one, other) for one, other in map(str.split, rows)])

    def encode(self, text: str) -> list[int]:
        """Ids of the tokens of a text, without marks of start and end; upper case counts as lower case."""
        return [self._ids[token] for word in _WORDS.findall(text.lower()) for token in self._tokens(word)]

    def _tokens(self, word: str) -> list[str]:
        *start, last = (self._characters[byte] for byte in word.encode())
        return self.merge([*start, last + _END])

    def merge(self, tokens: list[str]) -> list[str]:
        """The tokens of one word, with neighbours joined as long as the vocabulary knows a merge of any two."""
        while len(tokens) > 1:
            first = min(pairwise(tokens), key=lambda pair: self._ranks.get(pair, MERGES))
            if first not in self._ranks:
                break
            tokens = _merged(tokens, first)
        return tokens


def _merged(tokens: list[str], pair: Merge) -> list[str]:
    """The tokens with each occurrence of the pair, from the left, made one."""
    merged: list[str] = []
    rest = iter([*pairwise(tokens), (tokens[-1], "")])
    for one, other in rest:
        if (one, other) == pair:
            merged.append(one + other)
            next(rest)
        else:
            merged.append(one)
    return merged


def _byte_characters() -> dict[int, str]:
    """A visible character for each byte, in the order of the vocabulary: those that are visible themselves first."""
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(0x100) if byte not in visible]
    return {byte: chr(byte) for byte in visible} | {byte: chr(0x100 + i) for i, byte in enumerate(hidden)}
