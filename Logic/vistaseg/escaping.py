"""Text from outside (names of files, DICOM headers, what was typed) on its way to a terminal or a table."""

from __future__ import annotations

import re
import unicodedata

_DANGEROUS = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))
"""Control and format characters (terminal escapes, reversed writing), halves of characters, further line ends."""

_ESCAPE = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8}))")
_LOOKS_ESCAPED = re.compile(r"\\(?=x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})")
_FORMULA = re.compile(r"'*[=+\-@\u2212\uff1d\uff0b\uff0d\uff20]")
"""What a spreadsheet runs, also as typed with a minus sign or on an East Asian keyboard; behind our own marks too."""


def printable(text: str) -> str:
    r"""A text on one line, in which nothing but letters reaches a terminal: the rest is shown as `\x1b` or `\u202e`.

    A byte of a file name that is not UTF-8 is shown as `\xfc`.
    """
    if text.isprintable():
        return text
    return "".join(_shown(letter) if unicodedata.category(letter) in _DANGEROUS else letter for letter in text)


def _shown(letter: str) -> str:
    code = ord(letter)
    if 0xDC80 <= code <= 0xDCFF:  # how Python keeps a byte that is not UTF-8 (PEP 383)
        code -= 0xDC00
    elif 0x80 <= code <= 0xFF:  # so that it is not taken for such a byte
        return f"\\u{code:04x}"
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def csv_cell(text: str) -> str:
    """A text for a cell of a CSV table: `printable`, and behind an apostrophe where a spreadsheet would run it.

    No two texts have the same cell; `csv_text` reads them back.
    """
    cell = printable(_LOOKS_ESCAPED.sub(r"\\x5c", text))
    return f"'{cell}" if _FORMULA.match(cell) else cell


def csv_text(cell: str) -> str:
    """The text of a cell that `csv_cell` made."""
    return _ESCAPE.sub(_meant, cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell)


def _meant(found: re.Match[str]) -> str:
    code = int(found[1] or found[2] or found[3], 16)
    if code > 0x10FFFF:
        return found[0]
    return chr(code + 0xDC00) if found[1] and code >= 0x80 else chr(code)
