"""Reading NRRD, MetaImage, legacy VTK and GIPL with ITK, after a check of all that their headers say.

ITK ends the process on some damaged headers, mends others silently, and reads numbers by the locale of the process. So
it is only given files whose header is sound, with the reader for their suffix, and what it makes of them is compared.
"""

from __future__ import annotations

import locale
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from vistaseg.errors import InputError
from vistaseg.geometry.grid import Grid
from vistaseg.volume import legacy_fields, meta_fields, nrrd_fields
from vistaseg.volume.itk_header import ItkHeader
from vistaseg.volume.limits import check_promise, check_size, size_text, surplus_notes
from vistaseg.volume.simpleitk import simpleitk
from vistaseg.volume.streams import check_gzip, check_zlib
from vistaseg.volume.volume import Volume, ras_affine

_PICTURES = (
    ".tif", ".tiff", ".lsm", ".pic", ".jpg", ".jpeg", ".jp2", ".j2k", ".png", ".bmp", ".gif", ".webp",
)  # fmt: skip
_SAME_PLACE = 1e-3
"""Of a voxel: how far ITK's place of a corner may lie from that of the header."""

_Parse = Callable[[bytes], ItkHeader]
_FORMS: dict[str, tuple[_Parse, int]] = {
    ".nrrd": (nrrd_fields.read_nrrd_fields, nrrd_fields.HEADER_LIMIT),
    ".nhdr": (nrrd_fields.read_nrrd_fields, nrrd_fields.HEADER_LIMIT),
    ".mha": (meta_fields.read_meta_fields, meta_fields.HEADER_LIMIT),
    ".mhd": (meta_fields.read_meta_fields, meta_fields.HEADER_LIMIT),
    ".vtk": (legacy_fields.read_vtk_fields, legacy_fields.HEADER_LIMIT),
    ".gipl": (legacy_fields.read_gipl_fields, legacy_fields.HEADER_LIMIT),
}


def read_with_itk(path: Path) -> Volume:
    """Read one volume with SimpleITK.

    Raises:
        InputError: the file is not an image, is damaged, or does not hold a three-dimensional image of plain numbers.
    """
    header = checked_header(path)
    with _readable_name(path, header) as name, _point_as_decimal_mark():
        reader = simpleitk().ImageFileReader()
        reader.SetImageIO(header.image_io)
        reader.SetFileName(name)
        try:
            image = reader.Execute()
        except RuntimeError as error:
            raise InputError(
                "The image is damaged or incomplete, and ITK cannot read it. Copy or export it again."
            ) from error
    array = simpleitk().GetArrayFromImage(image).reshape(header.shape_ijk[::-1])
    found = _affine(image)
    _compare(header, found)
    matrix = found if header.ijk_to_ras is None else header.ijk_to_ras
    notes = (*header.notes, *_surplus(path, header))
    return Volume.from_array(array, matrix, axes="kji", modality=header.modality, notes=notes)


def checked_header(path: Path) -> ItkHeader:
    """What the header of a file says.

    Raises:
        InputError: it is of no known form, says something unusable, or promises more than the file holds.
    """
    suffix = path.suffix.lower()
    if suffix in _PICTURES:
        raise InputError(
            "This is a picture or a stack of pictures (TIFF, JPEG or the like), which does not tell the size of a "
            "voxel or its place in the patient. Give the scan itself, as DICOM, NIfTI or NRRD."
        )
    if suffix not in _FORMS:
        raise _unknown()
    parse, limit = _FORMS[suffix]
    with path.open("rb") as stream:
        start = stream.read(limit)
    if suffix in (".nrrd", ".nhdr") and not start.startswith(b"NRRD"):
        raise _unknown()
    header = parse(start)
    if header.ijk_to_ras is not None:
        Grid(header.shape_ijk, header.ijk_to_ras)  # which refuses directions that span no space
    paths = _data_paths(path, header)
    for data in paths:
        _check_data(data, header, header.byte_count // len(paths))
    check_size(header.byte_count)
    return header


def _check_data(data: Path, header: ItkHeader, promised: int) -> None:
    """Compare a file with voxels with what the header says of it.

    ITK takes no notice of a wrong checksum, and fills up what a damaged stream does not hold.

    Raises:
        InputError: it is missing, damaged, or holds fewer voxels, or if compressed more.
    """
    if not data.is_file():
        raise InputError(
            f"The file with the voxels, {data.name}, is missing beside the header. Copy both to one folder."
        )
    available = data.stat().st_size - max(header.data_start, 0)
    with _naming_part(data, header):
        check_promise(promised, available, header.ratio)
        if header.packed_bytes is not None and header.packed_bytes > available:
            raise InputError(
                f"The header promises {size_text(header.packed_bytes)} of compressed voxels, but the file ends early "
                f"with {size_text(available)}. It was probably cut off: copy or export it again."
            )
        if header.gzip:
            check_gzip(data, header.data_start, promised + header.gzip_skip)
        if header.packed_bytes is not None:
            check_zlib(data, header.data_start, header.packed_bytes, promised)


@contextmanager
def _naming_part(data: Path, header: ItkHeader) -> Iterator[None]:
    """Errors about one of many files begin with its name.

    Raises:
        InputError: for the one raised in the block.
    """
    try:
        yield
    except InputError as error:
        if len(header.data_files) < 2:
            raise
        raise InputError(f"{data.name}: {error}") from error


def _unknown() -> InputError:
    return InputError(
        "This is not an image that can be read. Give a NIfTI (.nii, .nii.gz), NRRD (.nrrd) or MetaImage (.mha) "
        "file, or a DICOM folder; other formats can be saved as one of these in 3D Slicer."
    )


def _data_paths(path: Path, header: ItkHeader) -> list[Path]:
    return [path.parent / name for name in header.data_files] or [path]


def _surplus(path: Path, header: ItkHeader) -> tuple[str, ...]:
    """A sentence where voxels that lie uncompressed are more than the header says."""
    if header.may_end_later or header.ratio != 1:
        return ()
    paths = _data_paths(path, header)
    more = sum(data.stat().st_size - max(header.data_start, 0) for data in paths) - header.byte_count
    return surplus_notes(more, header.shape_ijk, header.byte_count // math.prod(header.shape_ijk))


def _affine(image: Any) -> np.ndarray:
    """IJK-to-RAS (4, 4) of an image, of four dimensions without time."""
    count = image.GetDimension()
    direction = np.reshape(image.GetDirection(), (count, count))[:3, :3]
    return ras_affine(direction.ravel().tolist(), image.GetSpacing()[:3], image.GetOrigin()[:3])


def _compare(header: ItkHeader, found: np.ndarray) -> None:
    """Refuse a file that ITK understands otherwise than we do: which of the two is right cannot be known.

    Raises:
        InputError: some corner of the volume lies elsewhere.
    """
    if header.ijk_to_ras is None:
        return
    ends = np.array(np.meshgrid(*[(0, size - 1) for size in header.shape_ijk])).reshape(3, -1)
    moved = (header.ijk_to_ras - found) @ np.vstack([ends, np.ones(ends.shape[1])])
    smallest = np.linalg.norm(header.ijk_to_ras[:3, :3], axis=0).min()
    if not np.abs(moved).max() <= _SAME_PLACE * max(smallest, _SAME_PLACE):
        raise InputError(
            f"ITK, with which files of this kind are read, places the voxels up to {np.abs(moved).max():.3g} mm from "
            "where the header says. A program with a decimal comma in its locale makes ITK do so: set LC_NUMERIC to C. "
            "Or export the scan again as NIfTI."
        )


@contextmanager
def _readable_name(path: Path, header: ItkHeader) -> Iterator[str]:
    """A name of the file that ITK can take: one that is not UTF-8 ends the process.

    Raises:
        InputError: there is none.
    """
    if os.fsencode(path).decode("utf-8", "replace") == str(path):
        yield str(path)
        return
    if path.suffix.lower() in (".nhdr", ".mhd"):
        raise InputError("ITK cannot read a file beside another one under a name that is not UTF-8. Rename its folder.")
    with tempfile.TemporaryDirectory(prefix="vistaseg-") as folder:
        link = Path(folder) / f"scan{path.suffix.lower()}"
        try:
            os.symlink(path.resolve(), link)
        except OSError:  # Windows lets only some users make links
            shutil.copyfile(path, link)
        yield str(link)


@contextmanager
def _point_as_decimal_mark() -> Iterator[None]:
    """ITK's NRRD reader takes "1.75" for 1 in a process whose locale has a decimal comma."""
    if locale.localeconv()["decimal_point"] == ".":
        yield
        return
    before = locale.setlocale(locale.LC_NUMERIC)
    locale.setlocale(locale.LC_NUMERIC, "C")
    try:
        yield
    finally:
        locale.setlocale(locale.LC_NUMERIC, before)
