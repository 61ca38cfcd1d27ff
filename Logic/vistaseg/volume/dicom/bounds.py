"""Whether a DICOM file can hold what its header promises, before any memory is taken for it."""

from __future__ import annotations

from typing import Any

from vistaseg.volume.dicom.values import HeaderNumbers, quoted, read_numbers
from vistaseg.volume.limits import DEFLATE_RATIO, MAX_VOLUME_BYTES, size_text

MOST_HEADER_BYTES = 128 * 2**20
"""Of a header when it is inflated. That of a segmentation with a hundred thousand frames takes half of it."""

_SURE_BYTES = 256 * 2**20
_IMAGE_RATIO = 200
"""Images of a scanner hold noise and deflate to a third at best; a phantom may do better."""

_ITEM_BYTES = 8
"""At the least, for each frame of compressed pixels (PS3.5 A.4)."""

_SEGMENTATIONS = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")


def number_of_frames(header: Any) -> HeaderNumbers:
    """NumberOfFrames; unusable unless it is a whole number of at least 0."""
    stated = read_numbers(header, "NumberOfFrames")
    if stated.numbers is None:
        return stated
    count = float(stated.numbers[0])
    # Some write 0 for an image of one frame.
    return stated if count >= 0 and count.is_integer() else stated.unusable()


def frame_count(header: Any) -> int:
    """The number of frames, 1 where it is absent or unreadable."""
    numbers = number_of_frames(header).numbers
    return 1 if numbers is None else max(1, int(numbers[0]))


def frame_bytes(header: Any) -> float:
    """Bytes of one frame when it is not compressed, as little as they may be."""
    sizes = [read_numbers(header, keyword).numbers for keyword in ("Rows", "Columns", "SamplesPerPixel")]
    rows, columns, samples = (1.0 if size is None else float(size[0]) for size in sizes)
    bits = read_numbers(header, "BitsAllocated").numbers
    return rows * columns * max(samples, 1.0) * (1.0 if bits is None else float(bits[0])) / 8


def implausible_frames(header: Any, file_bytes: int) -> str | None:
    """Why a file cannot hold the frames that its header promises, or None.

    Args:
        header: without its pixels.
        file_bytes: size of the whole file.
    """
    stated = number_of_frames(header)
    if stated.is_unreadable:
        return f"its number of frames is {quoted(stated.raw or '')}"
    count = frame_count(header)
    if count > 1 and not _can_hold(header, count, file_bytes):
        return f"it cannot hold {count} frames in {size_text(file_bytes)}"
    if _syntax(header) == "deflated" and count * frame_bytes(header) > most_inflated(header, file_bytes):
        return f"its {size_text(file_bytes)} would inflate to {size_text(int(count * frame_bytes(header)))}"
    groups = len(header.get("PerFrameFunctionalGroupsSequence") or ())
    if groups and groups != count:
        return f"it tells {count} frames and describes {groups}"
    return None


def can_hold_frame(header: Any, file_bytes: int) -> bool:
    """Whether a file is large enough for one frame of its size."""
    ratio = {"plain": 1, "deflated": DEFLATE_RATIO}.get(_syntax(header))
    return ratio is None or frame_bytes(header) <= file_bytes * ratio


def _can_hold(header: Any, count: int, file_bytes: int) -> bool:
    promised = count * frame_bytes(header)
    if promised > MAX_VOLUME_BYTES:
        return False
    if _syntax(header) == "encapsulated":
        return count * _ITEM_BYTES <= file_bytes
    return promised <= file_bytes * (DEFLATE_RATIO if _syntax(header) == "deflated" else 1)


def most_inflated(header: Any, file_bytes: int) -> float:
    """Bytes of pixels that a deflated file may inflate to: masks shrink further than images do."""
    if str(header.get("SOPClassUID", "")) in _SEGMENTATIONS:
        return float(min(file_bytes * DEFLATE_RATIO, MAX_VOLUME_BYTES))
    return float(max(_SURE_BYTES, file_bytes * _IMAGE_RATIO))


def _syntax(header: Any) -> str:
    syntax = header.file_meta.get("TransferSyntaxUID")
    if getattr(syntax, "is_transfer_syntax", False) and not syntax.is_private:
        return "deflated" if syntax.is_deflated else "encapsulated" if syntax.is_encapsulated else "plain"
    return "encapsulated"  # not known: the weakest bound
