"""The headers of legacy VTK and of GIPL files, checked before ITK sees them. Neither says how a scan is oriented.

Formats: https://docs.vtk.org/en/latest/vtk_file_formats/vtk_legacy_file_format.html (structured points), and ITK's
GiplImageIO for the 256 bytes of GIPL.
"""

from __future__ import annotations

import math
import re
import struct

import numpy as np

from vistaseg.errors import InputError
from vistaseg.volume.itk_header import (
    LPS_TO_RAS,
    UNORIENTED,
    ItkHeader,
    check_lines,
    numbers,
    refuse,
    spacings,
    spatial_shape,
    whole_numbers,
)

HEADER_LIMIT = 2**14
_MOST_LINES = 30
_VTK_WIDTHS = {
    "unsigned_char": 1, "char": 1, "unsigned_short": 2, "short": 2, "unsigned_int": 4, "int": 4, "float": 4,
    "double": 8, "unsigned_long_long": 8, "long_long": 8, "vtktypeint64": 8, "vtktypeuint64": 8,
}  # fmt: skip
_VTK_FIELDS = ("DATASET", "DIMENSIONS", "SPACING", "ASPECT_RATIO", "ORIGIN", "POINT_DATA", "SCALARS", "LOOKUP_TABLE")

_GIPL_BYTES = 256
_GIPL_MAGIC = (0xEFFFE9B0, 0x2AE389B8)
_GIPL_WIDTHS = {7: 1, 8: 1, 15: 2, 16: 2, 31: 4, 32: 4, 64: 4, 65: 8}


def read_vtk_fields(raw: bytes) -> ItkHeader:
    """What a legacy VTK file of structured points says, from the first `HEADER_LIMIT` bytes of the file.

    Raises:
        InputError: it is another file, or a field is missing or unreadable.
    """
    found = re.search(rb"^LOOKUP_TABLE .*\r?\n", raw, re.MULTILINE)
    if not raw.startswith(b"# vtk DataFile Version") or found is None:
        raise InputError("This is not an image that can be read: of VTK, legacy files of structured points can.")
    lines = raw[: found.end()].splitlines()
    check_lines(lines, _MOST_LINES)
    form = lines[2].strip().upper()
    fields = {}
    for line in (line.decode("ascii", "replace") for line in lines[3:]):
        name, _, value = line.partition(" ")
        if line.strip() and (name.upper() not in _VTK_FIELDS or name.upper() in fields):
            refuse("a field", line, "it is not one of structured points, or stated twice")
        fields[name.upper()] = value.strip()
    if form not in (b"ASCII", b"BINARY") or fields.get("DATASET", "").upper() != "STRUCTURED_POINTS":
        refuse("DATASET", fields.get("DATASET", ""), "STRUCTURED_POINTS is expected")
    for needed in ("DIMENSIONS", "POINT_DATA", "SCALARS"):
        if needed not in fields:
            raise InputError(f"The header lacks the field {needed!r}: it is damaged. Export the scan again.")
    shape = spatial_shape("DIMENSIONS", whole_numbers("DIMENSIONS", fields["DIMENSIONS"], 3), (0, 1, 2))
    if whole_numbers("POINT_DATA", fields["POINT_DATA"], 1) != [math.prod(shape)]:
        refuse("POINT_DATA", fields["POINT_DATA"], "the product of DIMENSIONS is expected")
    _, kind, *components = fields["SCALARS"].split() if fields["SCALARS"].count(" ") else ("", "")
    width = _VTK_WIDTHS.get(kind.lower())
    if width is None or components not in ([], ["1"]):
        refuse("SCALARS", fields["SCALARS"], "one plain number a voxel is expected")
    name = "SPACING" if "SPACING" in fields else "ASPECT_RATIO"
    steps = spacings(name, fields.get(name, "1 1 1"), 3)
    origin = numbers("ORIGIN", fields.get("ORIGIN", "0 0 0"), 3)
    text = form == b"ASCII"
    return ItkHeader(
        "VTKImageIO", shape, math.prod(shape) * width, (), found.end(), width if text else 1,
        _unoriented(steps, origin), (UNORIENTED,), may_end_later=True,
    )  # fmt: skip


def read_gipl_fields(raw: bytes) -> ItkHeader:
    """What a GIPL file says in its first 256 bytes, big-endian.

    Raises:
        InputError: it is another file, or a field is unusable.
    """
    if len(raw) < _GIPL_BYTES or struct.unpack_from(">I", raw, 252)[0] not in _GIPL_MAGIC:
        raise InputError("This is not an image that can be read: it does not begin as a GIPL file does.")
    sizes = list(struct.unpack_from(">4H", raw))
    shape = spatial_shape("its sizes", [*sizes[:3], max(sizes[3], 1)], (0, 1, 2))
    (kind,) = struct.unpack_from(">H", raw, 8)
    width = _GIPL_WIDTHS.get(kind)
    if width is None:
        refuse("its type", str(kind), "one plain number a voxel is expected")
    steps = spacings("the spacing", _text(struct.unpack_from(">3f", raw, 10)), 3)
    origin = numbers("the origin", _text(struct.unpack_from(">3d", raw, 204)), 3)
    return ItkHeader(
        "GiplImageIO", shape, math.prod(shape) * width, (), _GIPL_BYTES, 1, _unoriented(steps, origin), (UNORIENTED,)
    )


def _unoriented(spacing: list[float], origin: list[float]) -> np.ndarray:
    lps = np.diag([*spacing, 1.0])
    lps[:3, 3] = origin
    return np.asarray(LPS_TO_RAS @ lps)


def _text(values: tuple[float, ...]) -> str:
    return " ".join(map(repr, values))
