"""The text at the head of an NRRD file, in UTF-8 (pynrrd keeps ASCII only).

Format: http://teem.sourceforge.net/nrrd/format.html; `field: value` lines, `key:=value` lines in which a
newline is written `\\n` and a backslash `\\\\`, one empty line, then the voxels.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import IO, Any

import numpy as np
import numpy.typing as npt

MAX_HEADER_LINES = 100_000
MAX_HEADER_BYTES = 2**26


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
    """
    import nrrd  # which Slicer does not bring

    fields, keys = [], {}
    for line in _header_lines(file):
        key, separator, value = line.partition(":=")
        if separator and not line.startswith("#"):
            keys[key] = _unescape(value)
        else:
            fields.append(line)
    return dict(nrrd.read_header(fields)), keys


def _header_lines(file: IO[bytes]) -> list[str]:
    import nrrd

    lines: list[str] = []
    length = 0
    for _ in range(MAX_HEADER_LINES):
        raw = file.readline(MAX_HEADER_BYTES)
        length += len(raw)
        if length >= MAX_HEADER_BYTES:
            raise nrrd.NRRDError(f"its header is longer than {MAX_HEADER_BYTES // 2**20} MB")
        if not lines and not raw.startswith(b"NRRD"):
            break
        line = raw.decode("utf-8", "replace").rstrip("\r\n")
        if not line:
            return lines
        lines.append(line)
    raise nrrd.NRRDError("this is not an NRRD file")


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _unescape(text: str) -> str:
    return re.sub(r"\\([n\\])", lambda found: "\n" if found[1] == "n" else "\\", text)
