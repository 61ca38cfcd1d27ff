"""Deflated DICOM, inflated only as far as it is needed: a few megabytes can stand for gigabytes."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import IO, Any

from vistaseg.volume.dicom.bounds import MOST_HEADER_BYTES, frame_bytes, frame_count, most_inflated
from vistaseg.volume.limits import size_text

DEFLATED = "1.2.840.10008.1.2.1.99"

_PLAIN = "1.2.840.10008.1.2.1"
_PIECE = 64 * 2**10
_LONG_VRS = (b"OB", b"OW", b"UN", b"UT", b"SQ", b"OF", b"OD", b"OL", b"OV", b"SV", b"UV", b"UC", b"UR")


def deflated_from(stream: IO[bytes]) -> int | None:
    """Where the deflated part of a DICOM file begins; None where there is none.

    Args:
        stream: of the file, at its beginning.
    """
    start = stream.read(132)
    position = 132 if start[128:] == b"DICM" else 0
    is_deflated = False
    while True:  # the elements of group 2, in Explicit VR Little Endian (PS3.10 section 7.1)
        stream.seek(position)
        head = stream.read(12)
        if len(head) < 12 or head[:2] != b"\x02\0":
            return position if is_deflated else None
        is_long = head[4:6] in _LONG_VRS
        length = struct.unpack_from("<I", head, 8)[0] if is_long else struct.unpack_from("<H", head, 6)[0]
        position += 12 if is_long else 8
        if head[2:4] == b"\x10\0":
            stream.seek(position)
            is_deflated = stream.read(length).rstrip(b"\0 ").decode("latin-1") == DEFLATED
        position += length


def open_deflated(path: Path, start: int, stop_before_pixels: bool, tags: list[str] | None) -> Any:
    """Read a deflated file.

    Args:
        start: of the deflated part.

    Raises:
        ValueError: it inflates to more than its header promises.
        Exception: one of `damage`.
    """
    header = _read(path, start, MOST_HEADER_BYTES, True, tags)
    if stop_before_pixels:
        return header
    whole = header if tags is None else _read(path, start, MOST_HEADER_BYTES, True, None)
    promised = frame_count(whole) * frame_bytes(whole)
    if promised > most_inflated(whole, path.stat().st_size):
        raise ValueError(f"{size_text(int(promised))} of pixels")
    return _read(path, start, int(promised) + MOST_HEADER_BYTES, False, tags)


def _read(path: Path, start: int, limit: int, stop_before_pixels: bool, tags: list[str] | None) -> Any:
    import pydicom
    from pydicom.uid import UID

    with path.open("rb") as stream:
        head = stream.read(start)
        meta = head[132:] if head[128:132] == b"DICM" else head
        # What is read here is inflated already; the values are of one length.
        beginning = bytes(128) + b"DICM" + meta.replace(DEFLATED.encode(), _PLAIN.ljust(len(DEFLATED), "\0").encode())
        lazy: Any = _Inflated(stream, beginning, limit)
        found: Any = pydicom.dcmread(lazy, stop_before_pixels=stop_before_pixels, specific_tags=tags)
    found.file_meta.TransferSyntaxUID = UID(DEFLATED)
    found.filename = str(path)
    return found


class _Inflated:
    """A file to read from that inflates its content no further than it is read."""

    def __init__(self, source: IO[bytes], beginning: bytes, limit: int) -> None:
        self._source, self._limit = source, limit
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        self._content = bytearray(beginning)
        self._position = 0

    def read(self, count: int = -1) -> bytes:
        """At most `count` bytes, all that are left by default.

        Raises:
            ValueError: the content is longer than the limit.
        """
        stop = self._limit + 1 if count is None or count < 0 else self._position + count
        self._fill(stop)
        piece = bytes(memoryview(self._content)[self._position : stop])
        self._position += len(piece)
        return piece

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move, from the beginning (0), from here (1) or from the end (2)."""
        if whence == 2:
            self._fill(self._limit + 1)
        self._position = offset + (0, self._position, len(self._content))[whence]
        return self._position

    def tell(self) -> int:
        """Where the next byte is read from."""
        return self._position

    def close(self) -> None:
        """Nothing is open but the source, which is the caller's."""

    def _fill(self, stop: int) -> None:
        while len(self._content) < stop and not self._inflate.eof:
            piece = self._inflate.unconsumed_tail or self._source.read(_PIECE)
            if not piece:
                return
            self._content += self._inflate.decompress(piece, _PIECE)
            if len(self._content) > self._limit:
                raise ValueError(f"more than {size_text(self._limit)}")
