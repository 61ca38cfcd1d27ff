"""Reading NRRD, MetaImage and what else ITK knows, after a look at what the header promises."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from vistaseg.errors import InputError
from vistaseg.volume.limits import DEFLATE_RATIO, check_promise
from vistaseg.volume.simpleitk import simpleitk
from vistaseg.volume.volume import Volume

_HEADER_LIMIT = 2**16
_BAD_SPACING = "The voxel spacing in the header is 0 or negative. Mend the spacing in its header."
_NRRD_BYTES = {
    1: ("char", "signed char", "int8", "int8_t", "uchar", "unsigned char", "uint8", "uint8_t"),
    2: ("short", "signed short", "int16", "int16_t", "ushort", "unsigned short", "uint16", "uint16_t"),
    4: ("int", "signed int", "int32", "int32_t", "uint", "unsigned int", "uint32", "uint32_t", "float"),
    8: ("longlong", "long long", "int64", "int64_t", "ulonglong", "uint64", "uint64_t", "double"),
}
_META_BYTES = {
    "CHAR": 1, "UCHAR": 1, "SHORT": 2, "USHORT": 2, "INT": 4, "UINT": 4, "LONG": 4, "ULONG": 4, "FLOAT": 4,
    "LONG_LONG": 8, "ULONG_LONG": 8, "DOUBLE": 8,
}  # fmt: skip

_NRRD_SPACES = (
    "right-anterior-superior", "ras", "left-anterior-superior", "las", "left-posterior-superior", "lps",
)  # fmt: skip
_NRRD_RATIOS = {"raw": 1.0, "gzip": DEFLATE_RATIO, "gz": DEFLATE_RATIO, "hex": 0.5}
_NRRD_TEXTS = ("ascii", "text", "txt")
_NRRD_UNREADABLE = ("bzip2", "bz2")  # ITK is built without it
_META_DIRECTIONS = ("transformmatrix", "rotation", "orientation")
_UNORIENTED_FORMATS = ("GiplImageIO", "VTKImageIO")
_PICTURE_FORMATS = (
    "TIFFImageIO", "LSMImageIO", "BioRadImageIO", "JPEG2000ImageIO", "JPEGImageIO", "PNGImageIO", "BMPImageIO",
)  # fmt: skip
_UNORIENTED = (
    "The file does not say how it is oriented: left and right may be exchanged. It was read as ITK and 3D Slicer read "
    "it, with LPS axes where it names none."
)

_Fields = dict[str, str]


@dataclass(frozen=True)
class _Promise:
    """What a header says about its voxels.

    `data_file` None: they follow the header, at byte `data_start`. `ratio`: see `check_promise`.
    """

    byte_count: int
    data_file: str | None
    data_start: int
    ratio: float


@dataclass(frozen=True)
class _Form:
    """How one kind of header is read: into fields, and from these what it promises."""

    parse: Callable[[bytes], tuple[_Fields, int]]
    promise: Callable[[_Fields, int], _Promise | None]
    spacing_key: str
    oriented: Callable[[_Fields], bool]


def read_with_itk(path: Path) -> Volume:
    """Read one volume with SimpleITK.

    Raises:
        InputError: the file is no image, is damaged, or holds no three-dimensional image of plain numbers.
    """
    oriented = _check_header(path)
    reader = simpleitk().ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
        _check_kind(reader.GetDimension(), reader.GetNumberOfComponents())
        format_name = reader.GetImageIOFromFileName(str(path))
        _check_placed(format_name)
        volume = Volume.from_sitk(reader.Execute())
    except RuntimeError as error:
        raise _explained(str(error)) from error
    return volume if oriented and format_name not in _UNORIENTED_FORMATS else replace(volume, notes=(_UNORIENTED,))


def _check_kind(dimension: int, components: int) -> None:
    if components != 1:
        raise InputError(
            f"Each voxel has {components} values: this is a colour or vector image, or a time series. "
            "Extract a single volume with one value a voxel."
        )
    if dimension < 3:
        raise InputError("The image has 2 dimensions; a volume has 3. Give the whole scan, not a single picture.")
    if dimension > 3:
        raise InputError(f"The image has {dimension} dimensions: it is a time series. Extract a single volume.")


def _check_placed(format_name: str) -> None:
    if format_name in _PICTURE_FORMATS:
        raise InputError(
            "This is a stack of pictures (TIFF or the like), which does not tell the size of a voxel or its place in "
            "the patient. Give the scan itself, as DICOM, NIfTI or NRRD."
        )


def _explained(reason: str) -> InputError:
    lowered = reason.lower()
    if "spacing" in lowered:
        return InputError(_BAD_SPACING)
    if "determinant" in lowered or "direction" in lowered:
        return InputError("The directions of the volume's axes are singular. Mend the orientation in its header.")
    if "unable to determine imageio reader" in lowered:
        return InputError(
            "This is not an image that can be read. Give a NIfTI (.nii, .nii.gz), NRRD or MetaImage (.mha) "
            "file, or a DICOM folder."
        )
    return InputError("The image is damaged or incomplete, and ITK cannot read it. Copy or export it again.")


def _check_header(path: Path) -> bool:
    """Look for what ITK would mend silently, or find out only after it has taken the memory.

    Returns:
        Whether the header says how the volume is oriented; True where this is not looked at.
    """
    form = _FORMS.get(path.suffix.lower())
    if form is None:
        return True
    with path.open("rb") as stream:
        fields, end = form.parse(stream.read(_HEADER_LIMIT))
    _check_spacing(fields.get(form.spacing_key, ""))
    promise = form.promise(fields, end)
    if promise is not None:
        check_promise(promise.byte_count, _available(path, promise), promise.ratio)
    _check_encoding(fields.get("encoding", ""))
    return form.oriented(fields)


def _check_spacing(stated: str) -> None:
    if any(value <= 0 for value in _numbers(stated)):
        raise InputError(_BAD_SPACING)


def _check_encoding(encoding: str) -> None:
    if encoding.lower() in _NRRD_UNREADABLE:
        raise InputError(
            "The voxels are compressed with bzip2, which cannot be read here. Write the file again with gzip "
            "encoding, or without compression."
        )


def _available(path: Path, promise: _Promise) -> int:
    if promise.data_file is None:
        return path.stat().st_size - promise.data_start
    data = path.parent / promise.data_file
    if not data.is_file():
        raise InputError(
            f"The file with the voxels, {promise.data_file}, is missing beside the header. Copy both to one folder."
        )
    return data.stat().st_size - promise.data_start


def _nrrd_fields(raw: bytes) -> tuple[_Fields, int]:
    """Fields of an NRRD header, in small letters, and where it ends.

    Form: http://teem.sourceforge.net/nrrd/format.html
    """
    end = min((at for at in (raw.find(b"\n\n") + 2, raw.find(b"\r\n\r\n") + 4) if at > 3), default=len(raw))
    lines = raw[:end].decode("utf-8", "replace").splitlines()
    pairs = (line.partition(":") for line in lines if not line.startswith("#"))
    return {key.strip().lower(): value.strip() for key, _, value in pairs if not value.startswith("=")}, end


def _nrrd_promise(fields: _Fields, end: int) -> _Promise | None:
    width = next((count for count, names in _NRRD_BYTES.items() if fields.get("type") in names), None)
    data_file = fields.get("data file", fields.get("datafile"))
    if width is None:
        return None
    byte_count = _count(fields.get("sizes", "")) * width
    if _many_files(data_file):
        return _Promise(byte_count, None, 0, math.inf)
    return _Promise(byte_count, data_file, 0 if data_file else end, _nrrd_ratio(fields.get("encoding", ""), width))


def _nrrd_ratio(encoding: str, width: int) -> float:
    """Bytes of voxels that a byte of the file can stand for: in text a digit at most a voxel of `width` bytes.

    Other compression, bzip2 that is, could shrink constant voxels further than deflate can, but not a scan.
    """
    if encoding.lower() in _NRRD_TEXTS:
        return width
    return _NRRD_RATIOS.get(encoding.lower(), DEFLATE_RATIO)


def _nrrd_oriented(fields: _Fields) -> bool:
    return fields.get("space", "").lower() in _NRRD_SPACES and "space directions" in fields


def _meta_fields(raw: bytes) -> tuple[_Fields, int]:
    """Fields of a MetaImage header, in small letters, and where it ends: its last line names the voxels."""
    fields: _Fields = {}
    end = 0
    for line in raw.splitlines(keepends=True):
        key, _, value = line.decode("utf-8", "replace").partition("=")
        fields[key.strip().lower()] = value.strip()
        end += len(line)
        if key.strip().lower() == "elementdatafile":
            break
    return fields, end


def _meta_promise(fields: _Fields, end: int) -> _Promise | None:
    width = _META_BYTES.get(fields.get("elementtype", "").upper().removeprefix("MET_"))
    data_file = fields.get("elementdatafile")
    if width is None or data_file is None:
        return None
    byte_count = _count(fields.get("dimsize", "")) * _count(fields.get("elementnumberofchannels", "")) * width
    if _many_files(data_file):
        return _Promise(byte_count, None, 0, math.inf)
    local = data_file.upper() == "LOCAL"
    return _Promise(byte_count, None if local else data_file, end if local else 0, _meta_ratio(fields, width))


def _meta_ratio(fields: _Fields, width: int) -> float:
    if fields.get("compresseddata", "").lower() in ("true", "1"):
        return DEFLATE_RATIO
    return width if fields.get("binarydata", "").lower() in ("false", "0") else 1


def _meta_oriented(fields: _Fields) -> bool:
    return any(key in fields for key in _META_DIRECTIONS)


def _many_files(data_file: str | None) -> bool:
    """Whether the voxels are spread over several files: a list, or a numbered pattern."""
    return data_file is not None and ("%" in data_file or data_file.upper().startswith("LIST"))


def _count(text: str) -> int:
    """Product of sizes, no larger than what can still be told as a number of bytes."""
    return min(math.prod(int(size) for size in _numbers(text)), 2**60)


def _numbers(text: str) -> list[float]:
    """Numbers separated by blanks; none where it is something else, which ITK then judges."""
    try:
        numbers = [float(word) for word in text.split()]
    except ValueError:
        return []
    return numbers if all(map(math.isfinite, numbers)) else []


_FORMS = {
    suffix: _Form(parse, promise, spacing_key, oriented)
    for suffixes, parse, promise, spacing_key, oriented in (
        ((".nrrd", ".nhdr"), _nrrd_fields, _nrrd_promise, "spacings", _nrrd_oriented),
        ((".mha", ".mhd"), _meta_fields, _meta_promise, "elementspacing", _meta_oriented),
    )
    for suffix in suffixes
}
