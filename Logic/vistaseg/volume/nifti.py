"""Reading NIfTI-1 and NIfTI-2 files (.nii, .nii.gz) from their published header layout.

The position matrix is taken as it stands in the header, so that an oblique matrix rounded to 32 bits is no
reason to refuse a file.
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

from vistaseg.errors import InputError, MemoryLimitError
from vistaseg.volume.geometry import ORTHOGONALITY_TOLERANCE, Grid
from vistaseg.volume.limits import DEFLATE_RATIO, check_promise, too_short
from vistaseg.volume.volume import Volume

_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK_BYTES = 2**24

# field: (type, offset in NIfTI-1, type, offset in NIfTI-2); nifti1.h and nifti2.h
_FIELDS = {
    "dim": ("8i2", 40, "8i8", 16),
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
}
_HEADER_BYTES = {348: 0, 540: 2}  # size of the header -> where its columns start in _FIELDS
_NUMBER_TYPES = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8",
}  # fmt: skip
_COLOUR_TYPES = (128, 2304)
_MM_PER_UNIT = {1: 1000.0, 2: 1.0, 3: 0.001}


def read_nifti(path: Path) -> Volume:
    """Read one volume.

    Raises:
        InputError: the file is damaged, no three-dimensional image of plain numbers, or says nothing usable
            about its geometry.
        MemoryLimitError: it does not fit in memory.
    """
    with _opened(path) as (stream, compressed):
        header = _parse_header(stream.read(540))
        shape, kind = _checked_shape(header), _number_type(header)
        promised = math.prod(shape) * kind.itemsize
        offset = _data_start(header)
        available = path.stat().st_size - (0 if compressed else offset)
        check_promise(promised, available, DEFLATE_RATIO if compressed else 1)
        stream.seek(offset)
        voxels = _read_exactly(stream, promised).view(kind).reshape(shape[::-1])
        if compressed:
            _check_end(stream)
    affine, notes = _affine(header)
    return Volume(_scaled(voxels, header), affine, notes=notes)


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
    start = float(header["vox_offset"])
    if not (math.isfinite(start) and start >= 0):
        raise InputError("The header of this NIfTI file is damaged: it does not tell where the voxels start.")
    return max(int(start), int(header["header_bytes"]))


def _number_type(header: dict[str, Any]) -> np.dtype[Any]:
    code = int(header["datatype"])
    if code in _COLOUR_TYPES:
        raise InputError("This is a colour image (RGB), not a scan with one value a voxel. Give the scan itself.")
    if code not in _NUMBER_TYPES:
        raise InputError(f"The voxels are of NIfTI type {code}, which is not a plain number. Export the scan as int16.")
    return np.dtype(str(header["order"]) + _NUMBER_TYPES[code])


def _read_exactly(stream: BinaryIO, count: int) -> np.ndarray:
    """Read `count` bytes in chunks: memory that is only promised is not touched before the data comes."""
    try:
        buffer = np.empty(count, dtype=np.uint8)
    except MemoryError as error:
        raise MemoryLimitError("The volume does not fit in memory. Crop it or resample it first.") from error
    filled = 0
    while filled < count:
        part = stream.read(min(_CHUNK_BYTES, count - filled))
        if not part:
            raise too_short(count, filled)
        buffer[filled : filled + len(part)] = np.frombuffer(part, dtype=np.uint8)
        filled += len(part)
    return buffer


def _check_end(stream: BinaryIO) -> None:
    """Read on to the end of a compressed stream, where its checksum is compared.

    A damaged stream often unpacks to more than was packed, so what is left over is refused as well; one chunk
    is enough to tell.
    """
    if stream.read(_CHUNK_BYTES):
        raise InputError(
            "The compressed file holds more data than its header promises: it is damaged. Copy or export it again."
        )


def _scaled(voxels: np.ndarray, header: dict[str, Any]) -> np.ndarray:
    """Apply slope and intercept; a slope of 0, or one that is no number, means that there is none."""
    native = voxels.astype(voxels.dtype.newbyteorder("="), copy=False)
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if slope == 0 or not math.isfinite(slope) or not math.isfinite(intercept) or (slope, intercept) == (1, 0):
        return native
    scaled: np.ndarray = np.multiply(native, slope, dtype=np.float32)
    scaled += np.float32(intercept)
    return scaled


def _affine(header: dict[str, Any]) -> tuple[np.ndarray, tuple[str, ...]]:
    """IJK-to-RAS matrix in mm, and what had to be assumed: sform before qform, as the standard prefers."""
    if (header["pixdim"][1:4] <= 0).any():
        raise InputError("The voxel spacing in the header is 0 or negative. Mend the spacing (pixdim) in its header.")
    matrix, notes = _stated_affine(header)
    scale = _MM_PER_UNIT.get(int(header["xyzt_units"]) & 7, 1.0)
    matrix[:3] *= scale
    return matrix, notes


def _stated_affine(header: dict[str, Any]) -> tuple[np.ndarray, tuple[str, ...]]:
    has_qform = header["qform_code"] > 0
    if header["sform_code"] > 0:
        sform = np.vstack([header["srow"], [0, 0, 0, 1]])
        flaw = _flaw(sform) if has_qform else None
        return (_qform(header), (f"The sform of the file is {flaw}; its qform was used.",)) if flaw else (sform, ())
    if has_qform:
        return _qform(header), ()
    return np.diag([-1.0, -1.0, 1.0, 1.0]) * [*header["pixdim"][1:4], 1.0], (
        "The file does not say how it is oriented (no sform, no qform): left and right may be exchanged. It was "
        "read as LPS from the origin, as ITK and 3D Slicer read it.",
    )


def _flaw(sform: np.ndarray) -> str | None:
    """What speaks against a matrix where there is another to take."""
    try:
        shear = Grid((1, 1, 1), sform).shear
    except InputError:
        return "not usable"
    return "sheared" if shear > ORTHOGONALITY_TOLERANCE else None


def _qform(header: dict[str, Any]) -> np.ndarray:
    """Matrix of the quaternion form, method 2 of nifti1.h."""
    vector = np.asarray(header["quatern"])
    b, c, d = (float(value) for value in vector / max(1.0, float(np.linalg.norm(vector))))
    a = math.sqrt(max(0.0, 1.0 - (b * b + c * c + d * d)))
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    matrix = np.eye(4)
    handedness = -1.0 if header["pixdim"][0] < 0 else 1.0
    matrix[:3, :3] = rotation * header["pixdim"][1:4] * [1.0, 1.0, handedness]
    matrix[:3, 3] = header["qoffset"]
    return matrix
