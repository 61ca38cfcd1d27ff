"""Which files are DICOM, and how they are opened."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

_DAMAGE = (
    AttributeError, EOFError, KeyError, NotImplementedError, OSError, RuntimeError, TypeError, ValueError, struct.error,
    zlib.error,
)  # fmt: skip

_PREAMBLE_BYTES = 132
_FIRST_GROUPS = (0x0002, 0x0008)
_LAST_FIRST_ELEMENT = 0x0018  # SOP Instance UID, which every instance has
_FIRST_VRS = (b"CS", b"DA", b"TM", b"UI", b"UL")
_LONGEST_FIRST = 256


def damage() -> tuple[type[Exception], ...]:
    """What pydicom and its decoders raise about files that are damaged, or no DICOM."""
    from pydicom.errors import BytesLengthException

    return *_DAMAGE, BytesLengthException


def is_dicom(path: Path) -> bool:
    """Whether the file carries the DICOM mark after its preamble, or begins as old archives write it, without them."""
    with path.open("rb") as stream:
        return _is_marked(start := stream.read(_PREAMBLE_BYTES)) or _begins_like_a_data_set(start)


def has_mark(path: Path) -> bool:
    """Whether the file carries the DICOM mark after its preamble (PS3.10 section 7.1)."""
    with path.open("rb") as stream:
        return _is_marked(stream.read(_PREAMBLE_BYTES))


def _is_marked(start: bytes) -> bool:
    return start[128:] == b"DICM"


def _begins_like_a_data_set(start: bytes) -> bool:
    """Whether the first element is one that a data set can begin with, little-endian, of a plausible length.

    In group 2 or 8, either with its VR or with a length of four bytes (PS3.5 section 7.1).
    """
    if len(start) < _PREAMBLE_BYTES:
        return False
    group, element, length = struct.unpack_from("<HHI", start)
    if group not in _FIRST_GROUPS or element > _LAST_FIRST_ELEMENT:
        return False
    return start[4:6] in _FIRST_VRS or (0 < length <= _LONGEST_FIRST and length % 2 == 0)


def open_dicom(path: Path, stop_before_pixels: bool = False, tags: list[str] | None = None) -> Any:
    """Read a file, also one without preamble and mark, whose transfer syntax is then the one that it was read in.

    Raises:
        Exception: one of `damage`.
    """
    import pydicom
    from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

    from vistaseg.volume.dicom.inflating import deflated_from, open_deflated  # which reads with what is defined here

    with path.open("rb") as stream:
        start = deflated_from(stream)
    if start is not None:
        return open_deflated(path, start, stop_before_pixels, tags)
    image = pydicom.dcmread(path, force=is_dicom(path), stop_before_pixels=stop_before_pixels, specific_tags=tags)
    if "TransferSyntaxUID" not in image.file_meta:
        implicit, _ = image.original_encoding
        image.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    return image


def should_be_dicom(path: Path) -> bool:
    """Whether a file is named as DICOM."""
    return path.suffix.lower() == ".dcm"
