"""Reading NRRD, MetaImage and what else ITK knows, after a look at what the header promises."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vistaseg.errors import InputError
from vistaseg.volume.limits import check_promise
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

_Fields = dict[str, str]


@dataclass(frozen=True)
class _Promise:
    """What a header says about its voxels; `data_file` None: they follow the header, at byte `data_start`."""

    byte_count: int
    data_file: str | None
    data_start: int
    compressed: bool


@dataclass(frozen=True)
class _Form:
    """How one kind of header is read: into fields, and from these what it promises."""

    parse: Callable[[bytes], tuple[_Fields, int]]
    promise: Callable[[_Fields, int], _Promise | None]
    spacing_key: str


def read_with_itk(path: Path) -> Volume:
    """Read one volume with SimpleITK.

    Raises:
        InputError: the file is no image, is damaged, or holds no three-dimensional image of plain numbers.
    """
    _check_header(path)
    reader = simpleitk().ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
        _check_kind(reader.GetDimension(), reader.GetNumberOfComponents())
        return Volume.from_sitk(reader.Execute())
    except RuntimeError as error:
        raise _explained(str(error)) from error


def _check_kind(dimension: int, components: int) -> None:
    if components != 1:
        raise InputError(
            f"Each voxel has {components} values: this is a colour or vector image, or a time series. "
            "Extract a single volume with one value a voxel."
        )
    if dimension < 3:
        raise InputError(
            "The image has 2 dimensions; a volume has 3. Give the whole scan, not a single picture."
        )
    if dimension > 3:
        raise InputError(
            f"The image has {dimension} dimensions: it is a time series. Extract a single volume."
        )


def _explained(reason: str) -> InputError:
    lowered = reason.lower()
    if "spacing" in lowered:
        return InputError(_BAD_SPACING)
    if "determinant" in lowered or "direction" in lowered:
        return InputError(
            "The directions of the volume's axes are singular. Mend the orientation in its header."
        )
    if "unable to determine imageio reader" in lowered:
        return InputError(
            "This is not an image that can be read. Give a NIfTI (.nii, .nii.gz), NRRD or MetaImage (.mha) "
            "file, or a DICOM folder."
        )
    return InputError("The image is damaged or incomplete, and ITK cannot read it. Copy or export it again.")


def _check_header(path: Path) -> None:
    """Look for what ITK would mend silently, or find out only after it has taken the memory."""
    form = _FORMS.get(path.suffix.lower())
    if form is None:
        return
    with path.open("rb") as stream:
        fields, end = form.parse(stream.read(_HEADER_LIMIT))
    _check_spacing(fields.get(form.spacing_key, ""))
    promise = form.promise(fields, end)
    if promise is not None:
        check_promise(promise.byte_count, _available(path, promise), promise.compressed)


def _check_spacing(stated: str) -> None:
    if any(value <= 0 for value in _numbers(stated)):
        raise InputError(_BAD_SPACING)


def _available(path: Path, promise: _Promise) -> int:
    if promise.data_file is None:
        return path.stat().st_size - promise.data_start
    data = path.parent / promise.data_file
    if not data.is_file():
        raise InputError(
            f"The file with the voxels, {promise.data_file}, is missing beside the header. Copy both to one "
            "folder."
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
    compressed = fields.get("encoding", "") in ("gzip", "gz")
    if width is None or not (compressed or fields.get("encoding") == "raw") or _many_files(data_file):
        return None
    count = int(math.prod(_numbers(fields.get("sizes", ""))))
    return _Promise(count * width, data_file, 0 if data_file else end, compressed)


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
    if width is None or data_file is None or _many_files(data_file):
        return None
    local = data_file.upper() == "LOCAL"
    channels = math.prod(_numbers(fields.get("elementnumberofchannels", "")))
    count = int(math.prod(_numbers(fields.get("dimsize", ""))) * channels)
    compressed = fields.get("compresseddata", "").lower() in ("true", "1")
    return _Promise(count * width, None if local else data_file, end if local else 0, compressed)


def _many_files(data_file: str | None) -> bool:
    """Whether the voxels are spread over several files: a list, or a numbered pattern."""
    return data_file is not None and ("%" in data_file or data_file.upper().startswith("LIST"))


def _numbers(text: str) -> list[float]:
    """Numbers separated by blanks; none where it is something else, which ITK then judges."""
    try:
        numbers = [float(word) for word in text.split()]
    except ValueError:
        return []
    return numbers if all(map(math.isfinite, numbers)) else []


_FORMS = {
    suffix: _Form(parse, promise, spacing_key)
    for suffixes, parse, promise, spacing_key in (
        ((".nrrd", ".nhdr"), _nrrd_fields, _nrrd_promise, "spacings"),
        ((".mha", ".mhd"), _meta_fields, _meta_promise, "elementspacing"),
    )
    for suffix in suffixes
}
