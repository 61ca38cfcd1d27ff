"""Left and right: SegVol was trained on mirrored scans, so that what it finds by a name may be on the other side."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from vistaseg.catalog.structures import Side
from vistaseg.catalog.words import words_of
from vistaseg.models.segvol.changes import BoxedMask
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
        """R of the body's centre of mass in mm; None where there is no body."""
        body = self._volume.array[::_STEP, ::_STEP, ::_STEP] > BODY_HU
        return self._r(centre(body) * _STEP) if body.any() else None

    def side(self, part: BoxedMask) -> Side | None:
        """The side of a mask's centre; None near the middle. In RAS, R grows towards the patient's right."""
        if self.middle is None or not part.mask.any():
            return None
        distance = self._r(centre(part.mask) + part.box.start) - self.middle
        if abs(distance) < CLEAR_MM:
            return None
        return "right" if distance > 0 else "left"

    def doubt(self, text: str, part: BoxedMask) -> str:
        """A sentence for the user where a text names the other side than the one of a mask, else nothing."""
        words = words_of(text)
        found = None if words.side is None or words.core & _NOT_PAIRED else self.side(part)
        if found is None or found == words.side:
            return ""
        return (
            f'What was found for "{text}" lies on the patient\'s {found}: SegVol confuses the sides. '
            "If it is the wrong one, draw a box around the other."
        )

    def _r(self, index_kji: np.ndarray) -> float:
        return float(self._volume.index_to_ras([index_kji[::-1].tolist()])[0][0])


def centre(mask: np.ndarray) -> np.ndarray:
    """The mean index of the voxels of a mask, axis by axis; it needs no list of them."""
    counts = [mask.sum(axis=tuple(a for a in range(3) if a != axis)) for axis in range(3)]
    return np.array([float(np.average(np.arange(len(count)), weights=count)) for count in counts])
