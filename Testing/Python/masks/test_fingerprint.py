"""A mask has the same fingerprint wherever it is kept, and no other mask has it."""

from __future__ import annotations

import hashlib

import numpy as np
from hypothesis import given
from hypothesis.extra import numpy as arrays

from vistaseg.geometry.box import VoxelBox
from vistaseg.masks.boxed import BoxedMask
from vistaseg.masks.packed import PackedMask

SHAPE_KJI = (3, 4, 5)
WHOLE = VoxelBox.whole(SHAPE_KJI[::-1])
MASKS = arrays.arrays(bool, SHAPE_KJI)


@given(mask=MASKS)
def test_it_is_that_of_the_voxels_cropped_or_packed(mask):
    boxed = BoxedMask(mask, WHOLE)
    assert BoxedMask.of(mask).fingerprint == PackedMask.of(boxed).fingerprint == boxed.fingerprint


@given(one=MASKS, other=MASKS)
def test_it_is_another_for_another_mask(one, other):
    same = BoxedMask.of(one).fingerprint == BoxedMask.of(other).fingerprint
    assert same == np.array_equal(one, other)


def test_it_is_what_scenes_of_earlier_versions_hold():
    mask = np.zeros((3, 4, 5), bool)
    mask[1, 1:3, 2:4] = True
    mask[1, 2, 3] = False
    bits = np.packbits(mask[1:2, 1:3, 2:4]).tobytes()
    assert bits == b"\xe0"
    expected = hashlib.sha256(b"(2, 1, 1)(4, 3, 2)" + bits).hexdigest()[:32]
    assert BoxedMask.of(mask).fingerprint == expected
