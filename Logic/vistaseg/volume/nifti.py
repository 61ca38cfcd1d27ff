"""Reading NIfTI-1 and NIfTI-2 files (.nii, .nii.gz) from their published header layout.

A header can state the position of its voxels twice, as sform and as qform. Where the two differ, `nifti_forms` asks
the installed ITK which one it takes, so that a volume lies where 3D Slicer shows it.
"""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from vistaseg.errors import InputError
from vistaseg.volume.limits import DEFLATE_RATIO, MAX_VOLUME_BYTES, check_promise, surplus_notes
from vistaseg.volume.nifti_forms import stated_affine
from vistaseg.volume.streams import check_end, read_exactly
from vistaseg.volume.volume import Volume

_GZIP_MAGIC = b"\x1f\x8b"

# field: (type, offset in NIfTI-1, type, offset in NIfTI-2); nifti1.h and nifti2.h
_FIELDS = {
    "dim": ("8i2", 40, "8i8", 16),
    "intent_code": ("i2", 68, "i4", 504),
    "datatype": ("i2", 70, "i2", 12),
    "pixdim": ("8f4", 76, "8f8", 104),
    "vox_offset": ("f4", 108, "i8", 168),
    "scl_slope": ("f4", 112, "f8", 176),
    "scl_inter": ("f4", 116, "f8", 184),
    "xyzt_units": ("u1", 123, "i4", 500),
    "qform_code": ("i2", 252, "i4", 344),
    "sform_code": ("i2", 254, "i4", 348),
    "quatern": ("3f4", 256, "3f8", 352),
    "qoffset": ("3f4", 268, "3f8", 376),
    "srow": ("(3,4)f4", 280, "(3,4)f8", 400),
    "magic": ("S4", 344, "S4", 4),
}
_HEADER_BYTES = {348: 0, 540: 2}  # size of the header -> where its columns start in _FIELDS
_DATA_STARTS = {348: 352, 540: 544}  # size of the header -> the first byte that voxels in the same file can have
_MAGICS = {348: b"n+1", 540: b"n+2"}  # of voxels in the same file as the header
_PAIR_MAGICS = (b"ni1", b"ni2")
_NUMBER_TYPES = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8",
}  # fmt: skip
_INTENTS = {**dict.fromkeys(range(2, 25), "a statistic"), 1002: "labels", 1003: "labels"}
"""What the values are, by intent_code, where that is not a measured intensity; nifti1.h."""
_COLOUR_TYPES = (128, 2304)


def read_nifti(path: Path) -> Volume:
    """Read one volume.

    Raises:
        InputError: the file is damaged, no three-dimensional image of plain numbers, or says nothing usable
            about its geometry.
        MemoryLimitError: it does not fit in memory.
    """
    with _opened(path) as (stream, compressed):
        header = _parse_header(stream.read(540))
        _check_magic(header)
        shape, kind = _checked_shape(header), _number_type(header)
        promised = math.prod(shape) * kind.itemsize
        offset = _data_start(header)
        available = path.stat().st_size - (0 if compressed else offset)
        check_promise(promised, available, DEFLATE_RATIO if compressed else 1)
        affine, notes = stated_affine(header, shape)
        notes += (*_scaling_doubts(header), *_intent_doubts(header))
        if not compressed:
            notes += surplus_notes(available - promised, shape, kind.itemsize)
        stream.seek(offset)
        voxels = read_exactly(stream, promised).view(kind).reshape(shape[::-1])
        if compressed:
            check_end(stream)
    return Volume.from_array(_scaled(voxels, header), affine, axes="kji", notes=notes)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, bool]]:
    """The file, unpacked on the fly when it is gzip whatever its name says, and whether it is."""
    with path.open("rb") as raw:
        compressed = raw.read(2) == _GZIP_MAGIC
        raw.seek(0)
        if not compressed:
            yield raw, False
            return
        try:
            yield cast(BinaryIO, gzip.GzipFile(fileobj=raw)), True
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise InputError(
                "The compressed file is damaged or ends early. It was probably cut off: copy or export it again."
            ) from error


def _parse_header(raw: bytes) -> dict[str, Any]:
    for order in "<>":
        size = int.from_bytes(raw[:4], "little" if order == "<" else "big")
        if size in _HEADER_BYTES and len(raw) >= size:
            column = _HEADER_BYTES[size]
            return {name: _field(raw, order, *row[column : column + 2]) for name, row in _FIELDS.items()} | {
                "order": order,
                "header_bytes": size,
            }
    raise InputError("This is not a NIfTI image, whatever its name says. Export the scan again as NIfTI or NRRD.")


def _field(raw: bytes, order: str, kind: Any, offset: Any) -> Any:
    layout: Any = np.dtype({"names": ["value"], "formats": [kind], "offsets": [offset], "itemsize": 540})
    value = np.frombuffer(raw.ljust(540, b"\0"), layout.newbyteorder(order), count=1)["value"][0]
    return value.astype(np.float64) if "f" in kind else value


def _check_magic(header: dict[str, Any]) -> None:
    """ITK and others look for the voxels by this mark: in another file, or in an Analyze file without a place.

    Raises:
        InputError: it is not that of a single file.
    """
    magic, expected = bytes(header["magic"]), _MAGICS[int(header["header_bytes"])]
    if magic == expected:
        return
    if magic in _PAIR_MAGICS:
        raise InputError(
            f"This is the header of a pair (its magic is {magic.decode()!r}): its voxels are in a second file (.img). "
            "Convert the pair to .nii.gz, in 3D Slicer for instance."
        )
    raise InputError(
        f"The header of this NIfTI file is damaged, or of Analyze, which does not tell left from right: its magic is "
        f"{ascii(magic.decode('latin-1'))} and not {expected.decode()!r}. Export the scan again."
    )


def _checked_shape(header: dict[str, Any]) -> tuple[int, int, int]:
    count, *sizes = (int(size) for size in header["dim"])
    if not 1 <= count <= 7 or any(size < 1 for size in sizes[:count]):
        raise InputError("The header of this NIfTI file has impossible dimensions: it is damaged. Export it again.")
    sizes = sizes[:count] + [1] * (3 - count)
    if count < 3:
        raise InputError("The image has 2 dimensions; a volume has 3. Give the whole scan, not a single picture.")
    if any(size > 1 for size in sizes[3:]):
        raise InputError(
            f"The image has {count} dimensions ({' x '.join(map(str, sizes))}): it is a time series or a "
            "vector image. Extract a single volume from it."
        )
    return sizes[0], sizes[1], sizes[2]


def _data_start(header: dict[str, Any]) -> int:
    start, earliest = float(header["vox_offset"]), _DATA_STARTS[int(header["header_bytes"])]
    if not earliest <= start <= MAX_VOLUME_BYTES:
        raise InputError(
            f"The header of this NIfTI file is damaged: its voxels start at byte {start:g} (vox_offset), but in one "
            f"file with the header they start at {earliest} or soon after. Export the scan again."
        )
    return int(start)


def _number_type(header: dict[str, Any]) -> np.dtype[Any]:
    code = int(header["datatype"])
    if code in _COLOUR_TYPES:
        raise InputError("This is a colour image (RGB), not a scan with one value a voxel. Give the scan itself.")
    if code not in _NUMBER_TYPES:
        raise InputError(f"The voxels are of NIfTI type {code}, which is not a plain number. Export the scan as int16.")
    return np.dtype(str(header["order"]) + _NUMBER_TYPES[code])


def _scaling_doubts(header: dict[str, Any]) -> tuple[str, ...]:
    """A sentence where the header states an intercept, but no slope that holds.

    Raises:
        InputError: the slope is set, but the intercept is not a number.
    """
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if _has_slope(header):
        if not math.isfinite(intercept):
            raise InputError(
                f"The header states the intercept of its values (scl_inter) as {intercept}, beside the slope "
                f"{slope:g}: what the values are is not known. Mend the header, or export the scan again."
            )
        return ()
    if intercept == 0 or not math.isfinite(intercept):
        return ()
    return (
        f"The header states no usable slope of its values (scl_slope is {slope:g}) but an intercept of {intercept:g} "
        "(scl_inter). The stored values were taken as they are, as the NIfTI standard says; ITK and 3D Slicer add the "
        "intercept. Check that air is about -1000.",
    )


def _intent_doubts(header: dict[str, Any]) -> tuple[str, ...]:
    code = int(header["intent_code"])
    if code not in _INTENTS:
        return ()
    return (
        f"The header says that the values are {_INTENTS[code]} (intent_code {code}), so this may be the result of an "
        "analysis and no scan.",
    )


def _has_slope(header: dict[str, Any]) -> bool:
    """A slope of 0 or NaN means that the values are not scaled."""
    slope = float(header["scl_slope"])
    return slope != 0 and math.isfinite(slope)


def _scaled(voxels: np.ndarray, header: dict[str, Any]) -> np.ndarray:
    """Apply slope and intercept, which `_scaling_doubts` has checked."""
    native = voxels.astype(voxels.dtype.newbyteorder("="), copy=False)
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if not _has_slope(header) or (slope, intercept) == (1, 0):
        return native
    scaled: np.ndarray = np.multiply(native, slope, dtype=np.float32)
    scaled += np.float32(intercept)
    return scaled
