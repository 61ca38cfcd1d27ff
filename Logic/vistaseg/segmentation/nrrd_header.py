"""The text at the head of an NRRD file, in UTF-8 (pynrrd keeps ASCII only).

Format: http://teem.sourceforge.net/nrrd/format.html; `field: value` lines, `key:=value` lines in which a
newline is written `\\n` and a backslash `\\\\`, one empty line, then the voxels.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from vistaseg.volume.itk_header import check_lines, once
from vistaseg.volume.nrrd_fields import MOST_FIELDS, fields_and_keys

MOST_KEYS = 100_000
"""Ten for each of 10,000 segments."""
LONGEST_KEY_LINE = 2**20
"""Bytes; the record of how a segment was made has a line of its own."""
_MOST_BYTES = 2**26


def format_header(fields: Mapping[str, str], keys: Mapping[str, str]) -> bytes:
    """The whole head of a file, the empty line included."""
    lines = ["NRRD0004", "# Complete NRRD file format specification at:"]
    lines.append("# http://teem.sourceforge.net/nrrd/format.html")
    lines += [f"{field}: {value}" for field, value in fields.items()]
    lines += [f"{key}:={_escape(value)}" for key, value in keys.items()]
    return ("\n".join(lines) + "\n\n").encode("utf-8")


def format_vector(values: npt.ArrayLike) -> str:
    """A vector in the shortest digits that read back as the same doubles."""
    return "(" + ",".join(repr(float(value)) for value in np.asarray(values)) + ")"


def read_header(file: IO[bytes]) -> tuple[dict[str, Any], dict[str, str]]:
    """Fields (parsed by pynrrd) and key/value pairs; leaves `file` at the first byte of the voxels.

    Raises:
        nrrd.NRRDError: not an NRRD file, or a damaged one.
        InputError: it has more or longer lines than any segmentation, or a key with two values.
    """
    import nrrd  # which Slicer does not bring

    magic, *lines = _header_lines(file)
    fields, stated = fields_and_keys(lines, MOST_KEYS, LONGEST_KEY_LINE)
    check_lines(fields, MOST_FIELDS)
    keys: defaultdict[str, list[str]] = defaultdict(list)
    for line in stated:
        key, _, value = _decoded(line).partition(":=")
        keys[key].append(_unescape(value))
    return dict(nrrd.read_header([_decoded(line) for line in (magic, *fields)])), once(keys)


def _header_lines(file: IO[bytes]) -> list[bytes]:
    """The lines before the empty one, read no further than a header can reach."""
    import nrrd

    lines: list[bytes] = []
    length = 0
    while length < _MOST_BYTES:
        raw = file.readline(LONGEST_KEY_LINE + 3)  # with its end, and what shows that it is longer
        length += len(raw)
        if not lines and not raw.startswith(b"NRRD"):
            break
        line = raw.rstrip(b"\r\n")
        if not line:
            return lines
        lines.append(line)
        if len(line) > LONGEST_KEY_LINE or len(lines) > MOST_KEYS + MOST_FIELDS:
            raise nrrd.NRRDError(
                f"its header has a line of more than {LONGEST_KEY_LINE} bytes, or more than {MOST_KEYS} lines"
            )
    raise nrrd.NRRDError("this is not an NRRD file")


def _decoded(line: bytes) -> str:
    return line.decode("utf-8", "replace")


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _unescape(text: str) -> str:
    return re.sub(r"\\([n\\])", lambda found: "\n" if found[1] == "n" else "\\", text)
