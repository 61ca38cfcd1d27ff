"""Structures of the training that are no classes of VISTA3D, or unions of several; their ids begin at 200."""

from __future__ import annotations

from collections.abc import Mapping

FIRST_WITHOUT_CLASS = 200
LEFT_LUNG, RIGHT_LUNG, SPINE, BRAINSTEM, RIGHT_PAROTID, LEFT_PAROTID, MANDIBLE, TUMOUR, BONE = range(200, 209)
UNIONS: Mapping[int, tuple[int, ...]] = {
    LEFT_LUNG: (28, 29),
    RIGHT_LUNG: (30, 31, 32),
    SPINE: (*range(33, 57), 127),
    BONE: (*range(33, 57), *range(63, 98), 114, 120, 122, 127),
}
"""Structure → classes that it is the union of."""
CLICKED_UNIONS = (LEFT_LUNG, RIGHT_LUNG, SPINE)
"""Those that are one thing to click on."""

UNSURE: Mapping[int, int] = {240: BONE}
"""Label → structure that a voxel of this label may or may not belong to."""
UNSURE_BONE = 240

ABDOMEN = (1, 3, 4, 5, 8, 9, 10, 12, 13, 14)
PELVIS = (15, 58, 59, 60, 61, *range(93, 104), 106, 107, 118)
CHEST = (28, 29, 30, 31, 32, 108, 115, 119, 125)
HEAD = (22, 120)
NECK = (*range(50, 57), 57, 112, 113, 126)
"""Classes that lie in one part of the body: a scan of another part shows none of them."""


def is_structure(label: int) -> bool:
    """Whether a label stands for a structure: neither the background, nor what nobody is sure of."""
    return label != 0 and label not in UNSURE
