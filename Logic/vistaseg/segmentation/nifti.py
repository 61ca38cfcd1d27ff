"""Label images in NIfTI-1, written slice by slice.

Written here and not by SimpleITK, whose NIfTI writer leaves a truncated file and reports no error when the
disk is full. Format: https://nifti.nimh.nih.gov/nifti-1 (nifti1.h).
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from vistaseg.errors import InputError, UsageError
from vistaseg.geometry.box import Index
from vistaseg.geometry.matrices import Matrix
from vistaseg.io import replacing
from vistaseg.segmentation.slabs import Painted, paint_slabs

if TYPE_CHECKING:
    from vistaseg.geometry.grid import Grid

COMPRESSION = 6
MAX_SIZE = 32767
_SCANNER_ANATOMICAL = 1
_MILLIMETRES = 2
_DATATYPES = {1: 2, 2: 512}  # bytes per voxel -> NIfTI code of uint8, uint16

_HEADER = np.dtype([
    ("sizeof_hdr", "<i4"), ("unused", "V35"), ("dim_info", "u1"), ("dim", "<i2", 8), ("intent_p", "<f4", 3),
    ("intent_code", "<i2"), ("datatype", "<i2"), ("bitpix", "<i2"), ("slice_start", "<i2"),
    ("pixdim", "<f4", 8), ("vox_offset", "<f4"), ("scl_slope", "<f4"), ("scl_inter", "<f4"),
    ("slice_end", "<i2"), ("slice_code", "u1"), ("xyzt_units", "u1"), ("cal_max", "<f4"), ("cal_min", "<f4"),
    ("slice_duration", "<f4"), ("toffset", "<f4"), ("glmax", "<i4"), ("glmin", "<i4"), ("descrip", "S80"),
    ("aux_file", "S24"), ("qform_code", "<i2"), ("sform_code", "<i2"), ("quatern", "<f4", 3),
    ("qoffset", "<f4", 3), ("srow", "<f4", (3, 4)), ("intent_name", "S16"), ("magic", "S4"),
])  # fmt: skip


def check_nifti_grid(grid: Grid) -> None:
    """Check that NIfTI programs will read the grid.

    Raises:
        UsageError: too many voxels on an axis, or axes that are not at right angles.
    """
    if max(grid.shape_ijk) > MAX_SIZE:
        raise UsageError(f"NIfTI holds at most {MAX_SIZE} voxels on an axis: write a .seg.nrrd file.")
    if not grid.is_orthogonal:
        raise UsageError(
            "The grid is tilted (its axes are not at right angles), which many programs misread in NIfTI: "
            "write a .seg.nrrd file."
        )


def write_nifti(path: Path, shape_ijk: Index, ijk_to_ras: Matrix, painted: list[Painted], dtype: np.dtype[Any]) -> str:
    """Write one label image, `.nii` or `.nii.gz` by its suffix, with qform and sform; returns the file's sha256.

    Raises:
        UsageError: the file cannot be written.
    """
    with replacing(path) as file:
        hashed = _Hashed(file)
        with _packed(hashed, path) as out:
            out.write(_header(shape_ijk, ijk_to_ras, dtype).tobytes() + bytes(4))
            for slab in paint_slabs(shape_ijk, [painted], dtype):
                out.write(slab.tobytes())
    return hashed.sha256


class _Hashed:
    """Hashes what goes through it into a file, which is then not read again for that."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._hash = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """Of all that was written, hexadecimal."""
        return self._hash.hexdigest()

    def write(self, content: bytes) -> int:
        """Write on."""
        self._hash.update(content)
        return self._file.write(content)

    def flush(self) -> None:
        """Flush the file."""
        self._file.flush()


@contextmanager
def _packed(file: _Hashed, path: Path) -> Iterator[IO[bytes]]:
    if path.suffix.lower() != ".gz":
        yield cast(IO[bytes], file)
        return
    with gzip.GzipFile("", "wb", COMPRESSION, cast(IO[bytes], file), mtime=0) as packed:
        yield cast(IO[bytes], packed)


def _header(shape_ijk: Index, ijk_to_ras: Matrix, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    header = np.zeros((), dtype=_HEADER)
    handedness, quaternion = _quaternion(ijk_to_ras)
    header["sizeof_hdr"], header["magic"], header["vox_offset"] = 348, b"n+1", 352
    header["dim"] = [3, *shape_ijk, 1, 1, 1, 1]
    header["pixdim"] = [handedness, *np.linalg.norm(ijk_to_ras[:3, :3], axis=0), 0, 0, 0, 0]
    header["datatype"], header["bitpix"] = _DATATYPES[dtype.itemsize], 8 * dtype.itemsize
    header["scl_slope"], header["xyzt_units"], header["descrip"] = 1, _MILLIMETRES, b"VistaSeg"
    header["qform_code"] = header["sform_code"] = _SCANNER_ANATOMICAL
    header["quatern"], header["qoffset"], header["srow"] = quaternion, ijk_to_ras[:3, 3], ijk_to_ras[:3]
    return header


def _quaternion(ijk_to_ras: Matrix) -> tuple[float, npt.NDArray[np.float64]]:
    """`qfac` and (b, c, d) of nifti1.h, method 2: a rotation, the third axis turned round if left-handed."""
    from scipy.spatial.transform import Rotation

    rotation = ijk_to_ras[:3, :3] / np.linalg.norm(ijk_to_ras[:3, :3], axis=0)
    handedness = 1.0 if np.linalg.det(rotation) > 0 else -1.0
    x, y, z, w = Rotation.from_matrix(rotation * [1.0, 1.0, handedness]).as_quat()
    return handedness, np.array([x, y, z]) * (1.0 if w >= 0 else -1.0)


def read_nifti(path: Path) -> tuple[npt.NDArray[np.integer[Any]], Matrix, tuple[str, ...]]:
    """Labels (k, j, i) and IJK to RAS of any NIfTI label image, and what is doubtful about it.

    Whole numbers kept as floats count as labels. The image lies where a scan with the same header lies, even where the
    header leaves that to the reader.

    Raises:
        InputError: missing, damaged, not three-dimensional, or not whole numbers.
    """
    from vistaseg.volume.nifti import read_nifti as read_scan

    if not path.is_file():
        raise InputError(f"{path} does not exist: check the path.")
    try:
        volume = read_scan(path)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    return _whole_numbers(volume.array, path), volume.ijk_to_ras, volume.notes


def _whole_numbers(array: npt.NDArray[Any], path: Path) -> npt.NDArray[np.integer[Any]]:
    if array.dtype.kind in "iu":
        return array
    labels: npt.NDArray[np.integer[Any]] = np.rint(np.nan_to_num(array)).astype(np.int32)
    if not np.array_equal(labels, array):
        raise InputError(f"{path} holds fractions, not labels: give a label image.")
    return labels
