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
_TRAILER_BYTES = 4  # size modulo 2^32, RFC 1952


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


def check_gzip_length(path: Path, start: int, promised: int) -> None:
    """Compare the size of a gzip stream with what a header promises, for a reader that takes no more than that.

    Its trailer tells the size; only where that differs is the stream unpacked, a chunk in memory at a time.

    Args:
        path: the file that ends with the stream.
        start: the byte at which it starts.
        promised: bytes that it has to unpack to.

    Raises:
        InputError: it unpacks to less or more, is damaged, or is no gzip stream.
    """
    with path.open("rb") as file:
        file.seek(-_TRAILER_BYTES, 2)
        if int.from_bytes(file.read(), "little") == promised % 2**32:
            return
        file.seek(start)
        found = _unpacked(gzip.GzipFile(fileobj=file), promised)
    if found < promised:
        raise too_short(promised, found)
    if found > promised:
        raise InputError(
            "The compressed voxels are more than the header promises: slices may be missing, or it is damaged. Copy or "
            "export it again."
        )


def _unpacked(stream: gzip.GzipFile, limit: int) -> int:
    """Bytes of a stream, counted no further than one beyond `limit`."""
    count = 0
    try:
        while count <= limit:
            part = stream.read(min(_CHUNK_BYTES, limit + 1 - count))
            if not part:
                break
            count += len(part)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(
            "The compressed file is damaged or ends early. It was probably cut off: copy or export it again."
        ) from error
    return count
