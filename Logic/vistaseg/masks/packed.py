"""Masks as few bytes: how histories keep them, and how saved sessions hold them."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from vistaseg.geometry.box import VoxelBox
from vistaseg.masks.boxed import NO_VOXELS, BoxedMask, packed_fingerprint


@dataclass(frozen=True, eq=False)
class PackedMask:
    """The bytes of a mask; what is computed with masks is computed with `BoxedMask`.

    Attributes:
        box: (i, j, k), the smallest around the mask.
        bits: of the mask (k, j, i) of the box, in C order, compressed by zlib.
    """

    box: VoxelBox
    bits: bytes

    @classmethod
    def of(cls, mask: BoxedMask) -> PackedMask:
        """Pack a mask."""
        cropped = mask.cropped()
        return cls(cropped.box, zlib.compress(np.packbits(cropped.array).tobytes(), 1))

    def unpacked(self) -> BoxedMask:
        """The mask: a new array."""
        bits = np.frombuffer(zlib.decompress(self.bits), dtype=np.uint8)
        array = np.unpackbits(bits, count=self.box.size).astype(bool).reshape(self.box.shape_kji)
        return BoxedMask(array, self.box)

    @property
    def fingerprint(self) -> str:
        """`BoxedMask.fingerprint` of the mask."""
        return packed_fingerprint(zlib.decompress(self.bits), self.box)

    def equals(self, other: PackedMask) -> bool:
        """Whether both have the same voxels, however they were compressed."""
        if self.box != other.box:
            return False
        return self.bits == other.bits or zlib.decompress(self.bits) == zlib.decompress(other.bits)


NOTHING_PACKED = PackedMask.of(NO_VOXELS)
