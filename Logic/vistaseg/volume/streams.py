"""Voxels from a stream: no more than a header says, in memory that is only taken as they come."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from vistaseg.errors import InputError, MemoryLimitError
from vistaseg.volume.limits import too_short

_CHUNK_BYTES = 2**24
_PACKED_BYTES = 2**20
_ZLIB_OR_GZIP = 47  # as wbits of zlib: the header tells which; MetaIO accepts both


def read_exactly(stream: BinaryIO, count: int) -> np.ndarray:
    """Read `count` bytes in chunks: memory that is only promised is not touched before the data comes.

    Raises:
        InputError: the stream ends early.
        MemoryLimitError: there is not as much memory.
    """
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


def check_end(stream: BinaryIO) -> None:
    """Read on to the end of a compressed stream, where its checksum is compared.

    A damaged stream often unpacks to more than was packed, so what is left over is refused as well; one chunk
    is enough to tell.

    Raises:
        InputError: there is more.
    """
    if stream.read(_CHUNK_BYTES):
        raise InputError(
            "The compressed file holds more data than its header promises: it is damaged. Copy or export it again."
        )


def check_gzip(path: Path, start: int, promised: int) -> None:
    """Unpack a gzip stream once, a chunk in memory at a time, for a reader that compares neither length nor checksum.

    Args:
        path: the file that ends with the stream.
        start: the byte at which it starts.
        promised: bytes that it has to unpack to.

    Raises:
        InputError: it unpacks to less or more, its checksum is wrong, it is cut off, or is not a gzip stream.
    """
    with path.open("rb") as file:
        file.seek(start)
        stream = gzip.GzipFile(fileobj=file)
        found = 0
        try:
            while found <= promised and (part := stream.read(min(_CHUNK_BYTES, promised + 1 - found))):
                found += len(part)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise _damaged() from error
    _compare(promised, found)


def check_zlib(path: Path, start: int, packed: int, promised: int) -> None:
    """Unpack a zlib stream once, a chunk in memory at a time, for a reader that takes damage for voxels.

    Args:
        path: the file that holds the stream.
        start: the byte at which it starts.
        packed: bytes of the stream.
        promised: bytes that it has to unpack to.

    Raises:
        InputError: it unpacks to less or more, its checksum is wrong, it is cut off or ends before `packed` bytes, or
            is not a zlib stream.
    """
    stream = zlib.decompressobj(_ZLIB_OR_GZIP)
    found, part = 0, b""
    with path.open("rb") as file:
        file.seek(start)
        try:
            while found <= promised and not stream.eof:
                if not part:
                    part = file.read(min(_PACKED_BYTES, packed))
                    packed -= len(part)
                    if not part:
                        raise too_short(promised, found)
                found += len(stream.decompress(part, min(_CHUNK_BYTES, promised + 1 - found)))
                part = stream.unconsumed_tail
        except zlib.error as error:
            raise _damaged() from error
    _compare(promised, found)
    if packed or stream.unused_data:
        raise _damaged()


def _compare(promised: int, found: int) -> None:
    if found < promised:
        raise too_short(promised, found)
    if found > promised:
        raise InputError(
            "The compressed voxels are more than the header promises: slices may be missing, or it is damaged. Copy or "
            "export it again."
        )


def _damaged() -> InputError:
    return InputError("The compressed file is damaged or ends early. It was probably cut off: copy or export it again.")
