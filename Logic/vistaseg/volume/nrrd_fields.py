"""The header of an NRRD file, checked before ITK sees it.

Format: http://teem.sourceforge.net/nrrd/format.html
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from vistaseg.errors import InputError
from vistaseg.volume.itk_header import (
    LPS_TO_RAS,
    UNORIENTED,
    UNPLACED,
    ItkHeader,
    check_file_count,
    check_lines,
    files_of_pattern,
    numbers,
    once,
    refuse,
    spacings,
    spatial_shape,
    unit_notes,
    whole_numbers,
)
from vistaseg.volume.limits import DEFLATE_RATIO

HEADER_LIMIT = 2**22
"""Bytes; a segmentation of hundreds of segments needs a tenth."""
MOST_FIELDS = 200
_MOST_KEYS = 5000
"""ITK's time grows with the square of their number: 20,000 take 8 s."""
_LONGEST_KEY_LINE = 10**5
_KEY_LINE = re.compile(rb"[^:]*:=")

_KINDS = {
    name: kind
    for kind, names in {
        "i1": ("char", "signed char", "int8", "int8_t"),
        "u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
        "i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
        "u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
        "i4": ("int", "signed int", "int32", "int32_t"),
        "u4": ("uint", "unsigned int", "uint32", "uint32_t"),
        "i8": (
            "longlong",
            "long long",
            "long long int",
            "signed long long",
            "signed long long int",
            "int64",
            "int64_t",
        ),
        "u8": ("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"),
        "f4": ("float",),
        "f8": ("double",),
    }.items()
    for name in names
}
_TEXTS = ("ascii", "text", "txt")
_ALIASES = {
    "centerings": "centers", "datafile": "data file", "lineskip": "line skip", "byteskip": "byte skip",
    "oldmin": "old min", "oldmax": "old max", "axismins": "axis mins", "axismaxs": "axis maxs",
    "sampleunits": "sample units", "blocksize": "block size",
}  # fmt: skip
_FIELDS = {
    "axis maxs", "axis mins", "block size", "byte skip", "centers", "content", "data file", "dimension", "encoding",
    "endian", "kinds", "labels", "line skip", "max", "measurement frame", "min", "number", "old max", "old min",
    "sample units", "sizes", "space", "space dimension", "space directions", "space origin", "space units", "spacings",
    "thicknesses", "type", "units",
}  # fmt: skip
_SPACES = {
    **dict.fromkeys(("right-anterior-superior", "ras"), np.diag([1.0, 1, 1, 1])),
    **dict.fromkeys(("left-anterior-superior", "las"), np.diag([-1.0, 1, 1, 1])),
    **dict.fromkeys(("left-posterior-superior", "lps"), LPS_TO_RAS),
}
_TIMED = {"rast": "ras", "last": "las", "lpst": "lps"}
_IN_SPACE = ("none", "???", "domain", "space", "time")
_VECTOR = re.compile(r"\s*(none|\([^()]*\))")

_Fields = dict[str, str]


def read_nrrd_fields(raw: bytes) -> ItkHeader:
    """What the header says, from the first `HEADER_LIMIT` bytes of the file.

    Raises:
        InputError: this is not a NRRD file, or a field is missing, unreadable or contradicts another one.
    """
    fields, listed, end = _parse(raw)
    if "block" in fields.get("type", ""):
        raise InputError("The voxels are blocks of bytes, not numbers. Export one value a voxel.")
    for needed in ("type", "dimension", "sizes", "encoding"):
        if needed not in fields:
            raise InputError(f"The header lacks the field {needed!r}: it is damaged. Export the scan again.")
    sizes = whole_numbers("sizes", fields["sizes"], _dimension(fields))
    vectors = _directions(fields, len(sizes))
    spatial = _spatial_axes(vectors, sizes)
    shape = spatial_shape("sizes", sizes, spatial)
    _check_kinds(fields, vectors)
    matrix, notes = _place(fields, vectors, spatial)
    names = _data_files(fields, listed, sizes)
    return _located(fields, end, names, shape, voxel_type(fields["type"], None).itemsize, matrix, notes)


def voxel_type(stated: str, endian: str | None) -> np.dtype[Any]:
    """The type of the voxels, from the fields `type` and `endian`.

    Raises:
        InputError: it is not a plain number.
    """
    kind = _KINDS.get(stated.lower())
    if kind is None:
        refuse("type", stated, "a plain number type such as short is expected")
    return np.dtype({"big": ">"}.get((endian or "").lower(), "<") + kind)


def fields_and_keys(lines: Sequence[bytes], most: int, longest: int) -> tuple[list[bytes], list[bytes]]:
    """The lines after the first one that state fields, and those that are keys of programs (`key:=value`).

    Args:
        most: keys.
        longest: bytes of a line, comments included.

    Raises:
        InputError: a line is longer, or there are more keys.
    """
    plain = [line for line in lines if not line.startswith(b"#")]
    keys = [line for line in plain if _KEY_LINE.match(line)]
    if len(keys) > most or any(len(line) > longest for line in lines):
        raise InputError(
            f"The header has more than {most} keys, or a line of more than {longest} characters. Write the image again "
            "without its keys."
        )
    return [line for line in plain if not _KEY_LINE.match(line)], keys


def _parse(raw: bytes) -> tuple[_Fields, list[str], int]:
    """The fields by their names in small letters, the lines after a list of files, and where the header ends."""
    found = re.search(rb"\r?\n\r?\n", raw)
    if found is None and len(raw) >= HEADER_LIMIT:
        raise InputError(f"The header is longer than {HEADER_LIMIT // 2**20} MB: it is damaged. Export the scan again.")
    end = len(raw) if found is None else found.end()
    first, *lines = raw[: len(raw) if found is None else found.start()].splitlines()
    if not re.fullmatch(rb"NRRD000[1-5]", first.strip()):
        refuse("its version", first[:20].decode("ascii", "replace"), "NRRD0001 to NRRD0005 are expected")
    pairs, _ = fields_and_keys(lines, _MOST_KEYS, _LONGEST_KEY_LINE)
    listed = next((n for n, line in enumerate(pairs, 1) if re.match(rb"data ?file: *LIST", line, re.I)), len(pairs))
    check_lines(pairs[:listed], MOST_FIELDS)
    fields: defaultdict[str, list[str]] = defaultdict(list)
    for line in pairs[:listed]:
        name, separator, value = line.decode("utf-8", "surrogateescape").partition(":")
        name = _ALIASES.get(name.strip().lower(), name.strip().lower())
        if not separator or name not in _FIELDS:
            refuse("a field", line.decode("ascii", "replace"), "no NRRD file has such a field")
        fields[name].append(value.strip())
    return once(fields), [line.decode("utf-8", "surrogateescape").strip() for line in pairs[listed:]], end


def _data_files(fields: _Fields, listed: list[str], sizes: list[int]) -> tuple[str, ...]:
    """The files with the voxels; none where these follow the header.

    Raises:
        InputError: they are many, but not one for each slice.
    """
    stated = fields.get("data file")
    if stated is None:
        return ()
    names = files_of_pattern("data file", stated)
    if stated.upper().startswith("LIST"):
        if stated.upper().split() not in (["LIST"], ["LIST", str(len(sizes) - 1)]):
            refuse("data file", stated, "LIST alone is expected, for one file a slice")
        names = tuple(name for name in listed if name)
    if names is None:
        return (stated,)
    check_file_count("data file", names, sizes)
    return names


def _dimension(fields: _Fields) -> int:
    (count,) = whole_numbers("dimension", fields["dimension"], 1)
    if not 1 <= count <= 8:
        refuse("dimension", fields["dimension"], "3 is expected")
    return count


def _directions(fields: _Fields, count: int) -> list[list[float] | None] | None:
    """The step along each axis, None for one that is not in space; None where the header has no directions."""
    text = fields.get("space directions")
    if text is None:
        return None
    words = _VECTOR.findall(text)
    if len(words) != count or _VECTOR.sub("", text).strip():
        refuse("space directions", text, f"{count} vectors (x,y,z) are expected")
    return [None if word == "none" else _vector("space directions", word) for word in words]


def _vector(field: str, text: str) -> list[float]:
    if not (text.startswith("(") and text.endswith(")")):
        refuse(field, text, "a vector (x,y,z) is expected")
    return numbers(field, text[1:-1].replace(",", " "), text.count(",") + 1)


def _spatial_axes(vectors: list[list[float] | None] | None, sizes: list[int]) -> list[int]:
    """The three axes in space: those with a direction, and of four the ones before time."""
    if vectors is None:
        many = [axis for axis, size in enumerate(sizes) if size > 1]
        return many if len(many) == 3 and len(sizes) > 3 else list(range(min(3, len(sizes))))
    axes = [axis for axis, vector in enumerate(vectors) if vector is not None]
    if len(axes) < 3 <= len(sizes):
        raise InputError(
            f"The header states the directions of only {len(axes)} axes (space directions): where the voxels lie "
            "cannot be known. Mend the header, or export the scan again."
        )
    return axes[:3]


def _check_kinds(fields: _Fields, vectors: list[list[float] | None] | None) -> None:
    """An axis without a direction has to be one of the values of a voxel: ITK takes any other for one in space.

    Raises:
        InputError: its kind is not stated, or another one; or one of the first three axes in space is one of time.
    """
    if vectors is None:
        return
    kinds = fields.get("kinds", " ".join(["none"] * len(vectors))).split()
    _check_count("kinds", " ".join(kinds), len(vectors))
    in_space = [kind.lower() for kind, vector in zip(kinds, vectors, strict=True) if vector is not None]
    if "time" in in_space[:3]:
        refuse("kinds", " ".join(kinds), "an axis of time has a direction in space, and which one holds is not known")
    for axis, (kind, vector) in enumerate(zip(kinds, vectors, strict=True), 1):
        if vector is None and kind.lower() in _IN_SPACE:
            refuse(
                "kinds",
                " ".join(kinds),
                f"axis {axis} has no direction (space directions), so 'list' or 'vector' is expected there: images "
                "with axes of another kind outside space are not supported",
            )


def _place(
    fields: _Fields, vectors: list[list[float] | None] | None, spatial: list[int]
) -> tuple[np.ndarray | None, tuple[str, ...]]:
    if "spacings" in fields:
        stated = fields["spacings"].split()
        _check_count("spacings", fields["spacings"], int(fields["dimension"]))
        spacings("spacings", " ".join(stated[axis] for axis in spatial), 3)
    if vectors is None:
        if "space" in fields:
            raise InputError("The header names a space but no space directions: it is damaged. Export the scan again.")
        return None, (UNORIENTED, *_value_notes(fields))
    if "spacings" in fields:
        refuse("spacings", fields["spacings"], "space directions are stated too, and which one holds cannot be known")
    origin = _vector("space origin", fields["space origin"]) if "space origin" in fields else None
    columns = [vector for vector in vectors if vector is not None]
    dimension = len(columns[0])
    if dimension not in (3, 4) or any(len(vector) != dimension for vector in columns):
        refuse("space directions", fields["space directions"], "vectors (x,y,z) are expected")
    if len(origin or columns[0]) != dimension:
        refuse("space origin", fields["space origin"], f"{dimension} numbers are expected")
    matrix = np.eye(4)
    matrix[:3, :3] = np.transpose([vector[:3] for vector in columns[:3]])
    matrix[:3, 3] = origin[:3] if origin else 0
    _check_time(fields, columns)
    space = fields.get("space", "").lower().removesuffix("-time")
    known = _SPACES.get(_TIMED.get(space, space))
    notes = (() if known is not None else (UNORIENTED,)) + (() if origin else (UNPLACED,)) + _value_notes(fields)
    return (LPS_TO_RAS if known is None else known) @ matrix, notes


def _check_time(fields: _Fields, columns: list[list[float]]) -> None:
    """A fourth axis may run along time alone, and time along no other."""
    if any(any(vector[3:]) for vector in columns[:3]) or any(any(vector[:3]) for vector in columns[3:]):
        refuse("space directions", fields["space directions"], "the axes of space and time are mixed")


def _check_count(field: str, text: str, count: int) -> None:
    if len(text.split()) != count:
        refuse(field, text, f"{count} numbers are expected")


def _value_notes(fields: _Fields) -> tuple[str, ...]:
    stated = [re.findall(r'"([^"]*)"', fields.get(name, ""))[:3] for name in ("space units", "units")]
    return (*unit_notes(sum(stated, [])), *_mapping_notes(fields))


def _mapping_notes(fields: _Fields) -> tuple[str, ...]:
    """Of values that were scaled to fit their type, ITK gives the scaled ones."""
    stated = [f"{name} {fields[name]}" for name in ("old min", "old max") if name in fields]
    if not stated:
        return ()
    return (
        f"The header says that the values were scaled ({', '.join(stated)}). They were read as they are stored, as ITK "
        "and 3D Slicer do: check that air is about -1000.",
    )


def _located(
    fields: _Fields,
    end: int,
    names: tuple[str, ...],
    shape: tuple[int, int, int],
    width: int,
    matrix: np.ndarray | None,
    notes: tuple[str, ...],
) -> ItkHeader:
    encoding = fields["encoding"].lower()
    if encoding in ("bzip2", "bz2"):
        raise InputError(
            "The voxels are compressed with bzip2, which cannot be read here. Write the file again with gzip "
            "encoding, or without compression."
        )
    ratios = {"raw": 1.0, "gzip": DEFLATE_RATIO, "gz": DEFLATE_RATIO, "hex": 0.5, **dict.fromkeys(_TEXTS, width)}
    if encoding not in ratios:
        refuse("encoding", fields["encoding"], "raw or gzip is expected")
    if width > 1 and encoding not in (*_TEXTS, "hex") and fields.get("endian", "").lower() not in ("little", "big"):
        refuse("endian", fields.get("endian", ""), "little or big is expected")
    skip = _skip(fields, encoding)
    zipped = encoding in ("gzip", "gz")
    if zipped and fields.get("line skip", "0") != "0":
        refuse("line skip", fields["line skip"], "0 is expected before compressed voxels")
    start = (0 if names else end) + (skip if encoding == "raw" else 0)
    return ItkHeader(
        "NrrdImageIO", shape, math.prod(shape) * width, names, start, ratios[encoding], matrix, notes,
        may_end_later=encoding != "raw" or skip < 0, gzip=zipped, gzip_skip=skip if zipped else 0,
    )  # fmt: skip


def _skip(fields: _Fields, encoding: str) -> int:
    """Bytes to skip before the voxels; -1 where they are the last of the file, for which raw ones are needed."""
    (lines,) = whole_numbers("line skip", fields.get("line skip", "0"), 1)
    (count,) = whole_numbers("byte skip", fields.get("byte skip", "0"), 1)
    if lines < 0:
        refuse("line skip", fields["line skip"], "0 or more is expected")
    if count < -1 or (count == -1 and encoding != "raw"):
        refuse("byte skip", fields["byte skip"], "0 or more is expected, or -1 for raw voxels at the end of the file")
    return count
