"""Whether a file can hold what its header promises, checked before any memory is allocated."""

from __future__ import annotations

import math

from vistaseg.errors import InputError

MAX_VOLUME_BYTES = 16 * 2**30
"""More than any clinical CT: 1024 x 1024 x 2000 voxels as 64-bit numbers."""

FARTHEST_MM = 1e6
"""No scanner places a voxel a kilometre away: such a number is damage."""

DEFLATE_RATIO = 1032
"""Deflate, which gzip and zlib use, cannot shrink anything further (zlib's technical notes)."""


def check_promise(promised: int, available: int, ratio: float = 1) -> None:
    """Compare the bytes of voxels that a header promises with those that follow it.

    Args:
        promised: bytes of all voxels, uncompressed.
        available: bytes in the file (or files) that can hold them.
        ratio: most bytes of voxels that one byte of the file can stand for, 1 where they lie as they are.

    Raises:
        InputError: there are too few of them, or the volume is implausibly large.
    """
    if promised > available * ratio:
        raise too_short(promised, available)
    check_size(promised)


def check_size(promised: int) -> None:
    """Refuse a volume of more than `MAX_VOLUME_BYTES`.

    Raises:
        InputError: it is implausibly large.
    """
    if promised > MAX_VOLUME_BYTES:
        raise InputError(
            f"The header promises {size_text(promised)} of voxels, more than any scan has. If the image "
            "really is that large, crop it or resample it first."
        )


def too_short(promised: int, available: int) -> InputError:
    """The error for a file that ends before its voxels do."""
    return InputError(
        f"The header promises {size_text(promised)} of voxels, but the file ends early with "
        f"{size_text(available)} of data. It was probably cut off: copy or export it again."
    )


def surplus_notes(more: int, shape_ijk: tuple[int, int, int], voxel_bytes: int) -> tuple[str, ...]:
    """A sentence where a file of uncompressed voxels holds more than its header says, by a count that is one short.

    That is at least the smallest of a slice, a row of each slice, and a column of each; less is padding.
    """
    voxels = math.prod(shape_ijk)
    if more < voxels // max(shape_ijk) * voxel_bytes:
        return ()
    is_slice = more >= voxels // shape_ijk[2] * voxel_bytes
    what = "slices may be missing" if is_slice else "rows or columns may be missing, and the image be sheared"
    return (f"The file holds {size_text(more)} more than its header says: {what}. Export the scan again.",)


def size_text(count: int) -> str:
    """A number of bytes for people: "1.5 GB"."""
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"
