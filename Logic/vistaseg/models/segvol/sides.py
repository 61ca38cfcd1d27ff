"""Left and right: SegVol was trained on mirrored scans, so that what it finds by a name may be on the other side."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from vistaseg.catalog.structures import Side
from vistaseg.catalog.words import words_of
from vistaseg.geometry.box import VoxelBox
from vistaseg.masks.boxed import BoxedMask
from vistaseg.volume import Volume

BODY_HU = -500.0
"""Above lies the body."""

CLEAR_MM = 10.0
"""Distance from the body's middle below which a mask has no side."""

_STEP = 4
"""Every fourth voxel tells where the body's middle is."""

_NOT_PAIRED = frozenset(("heart", "atrium", "atrial", "ventricle", "auricle", "liver", "hepatic", "portal"))
"""Words of structures whose left and right are not those of the body."""


class BodySides:
    """Sides of one volume, seen from the middle of the body."""

    def __init__(self, volume: Volume) -> None:
        self._volume = volume

    @cached_property
    def middle(self) -> float | None:
        """R of the body's centre of mass in mm; None without a body."""
        body = self._volume.array[::_STEP, ::_STEP, ::_STEP] > BODY_HU
        sampled = BoxedMask(body, VoxelBox.whole(body.shape[::-1]))
        return None if sampled.empty else self._r([p * _STEP for p in sampled.centroid])

    def side(self, mask: BoxedMask) -> Side | None:
        """The side of a mask's centre; None near the middle. In RAS, R grows towards the patient's right."""
        if self.middle is None or mask.empty:
            return None
        distance = self._r(mask.centroid) - self.middle
        if abs(distance) < CLEAR_MM:
            return None
        return "right" if distance > 0 else "left"

    def doubt(self, text: str, mask: BoxedMask) -> str:
        """A sentence for the user where a text names the other side than the one of a mask, else nothing."""
        words = words_of(text)
        found = None if words.side is None or words.core & _NOT_PAIRED else self.side(mask)
        if found is None or found == words.side:
            return ""
        return (
            f'What was found for "{text}" lies on the patient\'s {found}: SegVol confuses the sides. '
            "If it is the wrong one, draw a box around the other."
        )

    def _r(self, index: Sequence[float]) -> float:
        """R in mm of a place (i, j, k)."""
        return float(self._volume.index_to_ras([index])[0][0])
