"""Voxels outside the image that a scanner filled with a mark of its own (PS3.3 C.7.5.1.1.2): in a CT they are air."""

from __future__ import annotations

from collections import Counter

import numpy as np

from vistaseg.volume.dicom.slices import Slice
from vistaseg.volume.dicom.values import read_numbers

AIR_HU = -1000.0
_SURELY_AIR_HU = -900.0
_TOUCHING = np.ones((3, 3), dtype=bool)


class PaddingMarks:
    """Replaces the marks of a series slice by slice, and counts them.

    A mark that is air already stays. Any other counts only where it is connected to the border of the slice: elsewhere
    it may be a tissue or a metal of the same value.
    """

    def __init__(self) -> None:
        self._replaced: Counter[str] = Counter()
        self._kept: Counter[str] = Counter()

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done, a sentence for each mark."""
        replaced = (
            f"{count:,} voxels hold the mark {mark} for what lies outside the image (PixelPaddingValue), and were "
            f"taken for air ({AIR_HU:g} HU)."
            for mark, count in self._replaced.items()
        )
        kept = (
            f"{count:,} voxels inside the image hold the mark {mark} for what lies outside of it (PixelPaddingValue). "
            "They were left as they are: compare them with their neighbours."
            for mark, count in self._kept.items()
        )
        return *replaced, *kept

    def replace(self, piece: Slice, stored: np.ndarray, values: np.ndarray) -> None:
        """Set voxels to air in place.

        Args:
            stored: (j, i) as stored.
            values: (j, i) rescaled.
        """
        limits = _limits(piece)
        if limits is None or piece.modality != "CT":
            return
        low, high = limits
        marked = (stored >= low) & (stored <= high)
        if not marked.any():
            return
        stated = f"{low:g}" if low == high else f"{low:g} to {high:g}"
        if float(values[marked].max()) <= _SURELY_AIR_HU:
            return
        outside = _connected_to_border(marked)
        replaced = int(outside.sum())
        if replaced:
            self._replaced[stated] += replaced
            values[outside] = AIR_HU
        kept = int(marked.sum()) - replaced
        if kept:
            self._kept[stated] += kept


def _connected_to_border(marked: np.ndarray) -> np.ndarray:
    """(j, i) bool: the voxels whose piece, connected also at corners, reaches the border of the slice."""
    from scipy import ndimage

    labels, count = ndimage.label(marked, _TOUCHING)
    reaches = np.zeros(count + 1, dtype=bool)
    for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        reaches[edge] = True
    reaches[0] = False
    return np.asarray(reaches[labels])


def _limits(piece: Slice) -> tuple[float, float] | None:
    """The lowest and the highest stored value that is a mark, as the pixels have it; None where there is none."""
    value, limit = piece.padding
    if value.numbers is None or limit.is_unreadable:
        return None
    ends = [_as_stored(piece, int(stated.numbers[0])) for stated in (value, limit) if stated.numbers is not None]
    return min(ends), max(ends)


def _as_stored(piece: Slice, mark: int) -> float:
    """Some write the mark with a sign and the pixels without one, or the other way round."""
    allocated, stored, sign = (
        read_numbers(piece.header, keyword).numbers
        for keyword in ("BitsAllocated", "BitsStored", "PixelRepresentation")
    )
    bits = 16 if allocated is None else int(allocated[0])
    wrapped = mark % 2**bits
    if sign is not None and sign[0] == 1:
        return float(wrapped - 2**bits if wrapped >= 2 ** (bits - 1) else wrapped)
    # What lies above the bits that are stored is cut off when the pixels are decoded.
    return float(wrapped if stored is None else wrapped % 2 ** int(stored[0]))
