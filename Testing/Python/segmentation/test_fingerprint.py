"""A mask has the same fingerprint wherever it is kept, and no other mask has it."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis.extra import numpy as arrays

from vistaseg.geometry.box import VoxelBox
from vistaseg.segmentation import crop_to_content
from vistaseg.segmentation.fingerprint import mask_fingerprint
from vistaseg.session.history import PackedMask

SHAPE_KJI = (3, 4, 5)
WHOLE = VoxelBox((0, 0, 0), SHAPE_KJI[::-1])
MASKS = arrays.arrays(bool, SHAPE_KJI)


@given(mask=MASKS)
def test_it_is_that_of_the_voxels_cropped_or_packed(mask):
    expected = mask_fingerprint(mask, WHOLE)
    assert mask_fingerprint(*crop_to_content(mask)) == expected
    assert PackedMask.of(mask, WHOLE).fingerprint == expected


@given(one=MASKS, other=MASKS)
def test_it_is_another_for_another_mask(one, other):
    assert (mask_fingerprint(one, WHOLE) == mask_fingerprint(other, WHOLE)) == np.array_equal(one, other)
