"""JSON that came from outside, within limits that are checked before memory or the stack is used up."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any, NoReturn

MAX_BYTES = 512 * 2**20
"""Of a file: a saved session of 20 masks of 1024 x 1024 x 1000 voxels that no compression makes smaller."""
MAX_DEPTH = 100
"""Lists and objects within each other; what VistaSeg writes has less than 20."""

_STRING_OR_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]', re.DOTALL)
_HALF_CHARACTER = re.compile(r"\\u[dD][89a-fA-F]")
_LEAST, _MOST = -(2**63), 2**64 - 1


def parse_json(text: str) -> Any:
    """The values of a JSON text.

    Raises:
        ValueError: it is not JSON; lists or objects are nested deeper than `MAX_DEPTH`; a number is not finite, or a
            whole number does not fit in 64 bits; a key has two values; a letter is half a character.
    """
    _check_depth(text)
    values = json.loads(
        text, parse_int=_whole, parse_float=_finite, parse_constant=_no_number, object_pairs_hook=_one_value_each
    )
    if _HALF_CHARACTER.search(text):
        _check_letters(values)
    return values


def read_json_file(path: Path) -> Any:
    """The values of a JSON file in UTF-8, also behind a byte order mark, as some editors write it.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not a file, is larger than `MAX_BYTES` or not UTF-8, or as for `parse_json`.
    """
    if path.exists() and not path.is_file():
        raise ValueError("it is not a file")
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ValueError(f"it has more than {MAX_BYTES >> 20} MiB")
    if not content:
        raise ValueError("it is empty")
    return parse_json(content.decode("utf-8-sig"))


def _check_depth(text: str) -> None:
    """Strings are passed over, also one that does not end: brackets in them nest nothing."""
    depth = 0
    for found in _STRING_OR_BRACKET.finditer(text):
        first = found[0][0]
        if first in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise ValueError(f"its lists are nested more than {MAX_DEPTH} deep")
        elif first in "]}":
            depth -= 1


def _one_value_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        double = next((key for key, value in pairs if found[key] != value), None)
        if double is not None:
            raise ValueError(f"its key {_shortened(double)!r} has two values")
    return found


def _check_letters(values: Any) -> None:
    """No text of a file can hold half a pair of UTF-16, which JSON can spell.

    Those that stand for bytes of names of files that are not UTF-8 may (PEP 383): our own tables have them.
    """
    try:
        json.dumps(values, ensure_ascii=False).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise ValueError("a letter in it is half a character") from error


def _whole(text: str) -> int:
    # 20 digits and a sign are more than 64 bits need; a longer text is not even converted.
    value = int(text) if len(text) <= 21 else _MOST + 1
    if not _LEAST <= value <= _MOST:
        raise ValueError(f"the number {_shortened(text)} does not fit in 64 bits")
    return value


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {_shortened(text)} is too large")
    return value


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number")


def _shortened(text: str) -> str:
    return text if len(text) <= 24 else f"{text[:20]}..."
