"""DICOM in Explicit VR Little Endian, plain or deflated, written as a stream.

pydicom holds a file in memory to write it, three times to deflate it, and takes seconds for the functional groups of
thousands of frames, which repeat the same few pieces. Here each piece is encoded once, by pydicom, and the rest joined.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence
from typing import IO

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset, write_file_meta_info
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

LONGEST_VALUE = 0xFFFFFFFE
"""Bytes that one attribute can hold: its length is a number of 32 bits, and is even (PS3.5 section 7.1)."""

_COMPRESSION = 6
_ITEM = b"\xfe\xff\x00\xe0"


def encoded(dataset: Dataset, character_set: str) -> bytes:
    """The elements of a dataset in Explicit VR Little Endian; sequences with their lengths."""
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_dataset(buffer, dataset, character_set)
    return buffer.getvalue()


def item(content: bytes) -> bytes:
    """An item of a sequence."""
    return _ITEM + struct.pack("<I", len(content)) + content


def long_element(group: int, element: int, vr: str, length: int) -> bytes:
    """What precedes a value of a VR whose length takes 32 bits, such as SQ, OB and OW."""
    return struct.pack("<HH2sHI", group, element, vr.encode("ascii"), 0, length)


def frame_content(indices: Sequence[int]) -> bytes:
    """The functional group with the place of a frame in the dimensions (PS3.3 C.7.6.16.2.2); no two are alike."""
    values = struct.pack(f"<{len(indices)}I", *indices)
    content = item(struct.pack("<HH2sH", 0x0020, 0x9157, b"UL", len(values)) + values)
    return long_element(0x0020, 0x9111, "SQ", len(content)) + content


def file_beginning(meta: FileMetaDataset, deflate: bool) -> bytes:
    """Preamble, mark and file meta information (PS3.10 section 7.1), whose transfer syntax is set here."""
    meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian if deflate else ExplicitVRLittleEndian
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_file_meta_info(buffer, meta)
    return bytes(128) + b"DICM" + buffer.getvalue()


class DatasetWriter:
    """Takes a dataset in pieces and writes it, deflated (PS3.5 A.5) or as it is."""

    def __init__(self, file: IO[bytes], deflate: bool) -> None:
        self._file = file
        self._deflate = zlib.compressobj(_COMPRESSION, zlib.DEFLATED, -zlib.MAX_WBITS) if deflate else None
        self._written = 0

    def write(self, piece: bytes) -> None:
        """Add the next bytes of the dataset."""
        self._put(piece if self._deflate is None else self._deflate.compress(piece))

    def write_value(self, pieces: Iterable[bytes]) -> None:
        """Add a value in pieces, made even in the end."""
        length = 0
        for piece in pieces:
            self.write(piece)
            length += len(piece)
        self.write(bytes(length % 2))

    def finish(self) -> None:
        """Write what is left; the deflated bytes, too, are made even."""
        if self._deflate is not None:
            self._put(self._deflate.flush())
            self._put(bytes(self._written % 2))

    def _put(self, piece: bytes) -> None:
        self._file.write(piece)
        self._written += len(piece)
