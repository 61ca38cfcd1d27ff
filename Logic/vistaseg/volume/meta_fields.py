"""The header of a MetaImage file (.mha, .mhd), checked before ITK sees it.

Format: https://itk.org/Wiki/ITK/MetaIO/Documentation
"""

from __future__ import annotations

import math
import re
from collections import defaultdict

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

HEADER_LIMIT = 2**18
_MOST_LINES = 2000
_WIDTHS = {
    "CHAR": 1, "UCHAR": 1, "SHORT": 2, "USHORT": 2, "INT": 4, "UINT": 4, "LONG": 4, "ULONG": 4, "FLOAT": 4,
    "LONG_LONG": 8, "ULONG_LONG": 8, "DOUBLE": 8,
}  # fmt: skip
_ORIGINS = ("Offset", "Position", "Origin")
_BYTE_ORDERS = ("BinaryDataByteOrderMSB", "ElementByteOrderMSB")
_MODALITIES = ("CT", "MR", "NM", "US")
_CLEARLY_ALONG = 0.8
"""Of an axis of the body: what an axis of the volume has to run along it to be named after it, as a cosine."""
_OPPOSITE = str.maketrans("RLAPIS", "LRPASI")
_MATRICES = ("TransformMatrix", "Rotation", "Orientation")

_Fields = dict[str, str]


def read_meta_fields(raw: bytes) -> ItkHeader:
    """What the header says, from the first `HEADER_LIMIT` bytes of the file.

    Raises:
        InputError: this is not a MetaImage, or a field is missing, unreadable or contradicts another one.
    """
    fields, end = _parse(raw)
    if fields.get("objecttype", "Image").lower() != "image":
        raise InputError(f"This MetaIO file holds an object of type {fields['objecttype']}, not an image.")
    for needed in ("ndims", "dimsize", "elementtype", "elementdatafile"):
        if needed not in fields:
            raise InputError(f"The header lacks the field {needed!r}: it is damaged. Export the scan again.")
    (count,) = whole_numbers("NDims", fields["ndims"], 1)
    if not 1 <= count <= 4:
        refuse("NDims", fields["ndims"], "3 is expected")
    sizes = whole_numbers("DimSize", fields["dimsize"], count)
    shape = spatial_shape("DimSize", sizes, list(range(min(count, 3))))
    (channels,) = whole_numbers("ElementNumberOfChannels", fields.get("elementnumberofchannels", "1"), 1)
    if channels != 1:
        raise InputError(
            f"Each voxel has {channels} values: this is a colour or vector image, or a time series. "
            "Extract a single volume with one value a voxel."
        )
    width = _WIDTHS.get(fields["elementtype"].upper().removeprefix("MET_"))
    if width is None:
        refuse("ElementType", fields["elementtype"], "a plain number type such as MET_SHORT is expected")
    _check_values(fields)
    matrix, notes = _place(fields, count)
    names = _data_files(fields, raw[end:], sizes)
    return _located(fields, end, names, shape, width, matrix, notes)


def _parse(raw: bytes) -> tuple[_Fields, int]:
    """The fields by their names in small letters, and where the header ends: its last line names the voxels."""
    found = re.search(rb"^ *ElementDataFile *=.*\r?\n?", raw, re.MULTILINE)
    if found is None:
        if raw.lstrip()[:10] not in (b"ObjectType", b"NDims = 3", b"NDims = 4"):
            raise InputError("This is not an image that can be read: it does not begin as a MetaImage does.")
        raise InputError("The header lacks the field 'elementdatafile': it is damaged. Export the scan again.")
    lines = raw[: found.end()].splitlines()
    check_lines(lines, _MOST_LINES)
    fields: defaultdict[str, list[str]] = defaultdict(list)
    for line in lines:
        name, separator, value = line.decode("utf-8", "surrogateescape").partition("=")
        if separator:
            fields[name.strip().lower()].append(value.strip())
        elif line.strip():
            refuse("a field", line.decode("ascii", "replace"), "a line 'name = value' is expected")
    return once(fields), found.end()


def _check_values(fields: _Fields) -> None:
    """Refuse fields that ITK and 3D Slicer ignore, or that state a value twice.

    Raises:
        InputError: the values are to be scaled, or the order of their bytes is stated twice, differently.
    """
    for name, neutral in (("ElementToIntensityFunctionSlope", 1), ("ElementToIntensityFunctionOffset", 0)):
        if numbers(name, fields.get(name.lower(), str(neutral)), 1) != [neutral]:
            refuse(name, fields[name.lower()], f"only {neutral} can be read: ITK and 3D Slicer do not scale the values")
    orders = {_flag(fields, name.lower(), default=False) for name in _BYTE_ORDERS if name.lower() in fields}
    if len(orders) > 1:
        stated = " and ".join(fields[name.lower()] for name in _BYTE_ORDERS)
        refuse(" and ".join(_BYTE_ORDERS), stated, "they differ, and which one holds cannot be known")


def _place(fields: _Fields, count: int) -> tuple[np.ndarray, tuple[str, ...]]:
    origins = {_numbers_of(fields, name, count) for name in _ORIGINS if name.lower() in fields}
    matrices = {_numbers_of(fields, name, count * count) for name in _MATRICES if name.lower() in fields}
    for what, found in (("Offset", origins), ("TransformMatrix", matrices)):
        if len(found) > 1:
            refuse(what, " and ".join(map(str, found)), "it has two values, and which one holds cannot be known")
    name = "ElementSpacing" if "elementspacing" in fields else "ElementSize"
    steps = spacings(name, fields.get(name.lower(), " ".join(["1"] * count)), count)
    unscaled = f"The file does not say how large a voxel is ({name}): 1 mm was taken, as ITK and 3D Slicer do."
    notes = (
        *(() if matrices else (UNORIENTED,)),
        *(() if origins else (UNPLACED,)),
        *(() if name.lower() in fields else (unscaled,)),
        *unit_notes([fields.get("distanceunits", "")]),
    )
    directions = np.reshape(next(iter(matrices), np.eye(count).ravel()), (count, count)).T
    if matrices and count >= 3:
        notes += _orientation_notes(fields, directions[:3, :3])
    lps = np.eye(count + 1)
    lps[:count, :count] = directions * steps
    lps[:count, count] = next(iter(origins), np.zeros(count))
    if count == 4 and (lps[3, :3].any() or lps[:3, 3].any()):
        refuse("TransformMatrix", " ".join(map(str, *matrices)), "the axes of space and time are mixed")
    kept = [0, 1, 2, count]
    return LPS_TO_RAS @ lps[np.ix_(kept, kept)], notes


def _numbers_of(fields: _Fields, name: str, count: int) -> tuple[float, ...]:
    """As many numbers of a field."""
    return tuple(numbers(name, fields[name.lower()], count))


def _data_files(fields: _Fields, rest: bytes, sizes: list[int]) -> tuple[str, ...]:
    """The files with the voxels; none where these follow the header.

    Raises:
        InputError: they are many, but not one for each slice.
    """
    stated = fields["elementdatafile"]
    if stated.upper() == "LOCAL":
        return ()
    names = files_of_pattern("ElementDataFile", stated)
    if stated.upper().startswith("LIST"):
        if stated.upper().split() not in (["LIST"], ["LIST", str(len(sizes) - 1)], ["LIST", f"{len(sizes) - 1}D"]):
            refuse("ElementDataFile", stated, "LIST alone is expected, for one file a slice")
        lines = rest.decode("utf-8", "surrogateescape").split("\n")[:-1]  # MetaIO drops a last line without its end
        names = tuple(line.strip() for line in lines if line.strip())
    if names is None:
        return (stated,)
    check_file_count("ElementDataFile", names, sizes)
    return names


def _located(
    fields: _Fields,
    end: int,
    names: tuple[str, ...],
    shape: tuple[int, int, int],
    width: int,
    matrix: np.ndarray,
    notes: tuple[str, ...],
) -> ItkHeader:
    count = math.prod(shape) * width
    packed = _flag(fields, "compresseddata", default=False)
    binary = _flag(fields, "binarydata", default=True)
    (skip,) = whole_numbers("HeaderSize", fields.get("headersize", "0"), 1)
    if skip < -1 or (skip and (packed or not binary or (not names and skip != -1) or (len(names) > 1 and skip < 0))):
        refuse(
            "HeaderSize",
            fields["headersize"],
            "0 is expected, or -1 for raw voxels at the end of the file",
        )
    if packed and len(names) > 1:
        refuse("CompressedData", fields["compresseddata"], "slices in files of their own have to be uncompressed")
    ratio = DEFLATE_RATIO if packed else 1.0 if binary else float(width)
    return ItkHeader(
        "MetaImageIO", shape, count, names, max(skip, 0) if names else end, ratio, matrix, notes,
        modality=_modality(fields), may_end_later=packed or not binary or skip < 0,
        packed_bytes=_packed_bytes(fields) if packed else None,
    )  # fmt: skip


def _modality(fields: _Fields) -> str | None:
    """As DICOM names it; None where the header does not say, or another one than MetaIO knows by name."""
    stated = fields.get("modality", "").upper().removeprefix("MET_MOD_")
    return stated if stated in _MODALITIES else None


def _orientation_notes(fields: _Fields, directions: np.ndarray) -> tuple[str, ...]:
    """A sentence where the letters for the axes name other axes than the matrix, by which ITK goes.

    Args:
        directions: (3, 3) LPS, a column for each axis.
    """
    stated = fields.get("anatomicalorientation", "").upper()
    if not re.fullmatch(r"(?=.*[RL])(?=.*[AP])(?=.*[IS])[RLAPIS]{3}", stated):
        return ()
    unit = directions / np.linalg.norm(directions, axis=0)
    if np.abs(unit).max(axis=0).min() < _CLEARLY_ALONG:
        return ()
    towards = "".join("LPS"[axis] if unit[axis, n] > 0 else "RAI"[axis] for n, axis in enumerate(_longest(unit)))
    away = towards.translate(_OPPOSITE)  # as ITK writes it; others name the ends
    if stated in (towards, away):
        return ()
    return (
        f"The header names its axes {stated} (AnatomicalOrientation), but by its matrix they run from {away} to "
        f"{towards}. The matrix was used, as ITK and 3D Slicer do: check left and right against another source.",
    )


def _longest(unit: np.ndarray) -> list[int]:
    return [int(axis) for axis in np.abs(unit).argmax(axis=0)]


def _packed_bytes(fields: _Fields) -> int:
    """Bytes of the compressed voxels. Where the header does not state them, ITK leaves some voxels unset."""
    if "compresseddatasize" not in fields:
        raise InputError(
            "The voxels are compressed, but the header lacks the field 'CompressedDataSize', without which ITK reads "
            "some of them wrong. Export the scan again."
        )
    (count,) = whole_numbers("CompressedDataSize", fields["compresseddatasize"], 1)
    if count < 1:
        refuse("CompressedDataSize", fields["compresseddatasize"], "1 or more is expected")
    return count


def _flag(fields: _Fields, name: str, default: bool) -> bool:
    value = fields.get(name, str(default)).lower()
    if value not in ("true", "false", "1", "0"):
        refuse(name, value, "True or False is expected")
    return value in ("true", "1")
