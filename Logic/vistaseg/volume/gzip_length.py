"""Whether a gzip stream unpacks to as much as a header says, without unpacking it where its trailer tells."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from vistaseg.errors import InputError
from vistaseg.volume.limits import too_short

_CHUNK_BYTES = 2**20
_TRAILER_BYTES = 4  # size modulo 2^32, RFC 1952


def check_gzip_length(path: Path, start: int, promised: int) -> None:
    """Compare the size of a stream with what a header promises, a chunk of it in memory at a time.

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
