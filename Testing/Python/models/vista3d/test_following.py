"""Where a structure leaves its window."""

from __future__ import annotations

import numpy as np

from vistaseg.geometry.box import VoxelBox
from vistaseg.models.vista3d.following import End, widest_end


def test_a_structure_ends_where_it_meets_a_face_inside_the_image():
    found = np.zeros((30, 20, 20), bool)
    found[5:10, 4:9, 10:13] = True
    window = VoxelBox((0, 0, 5), (10, 12, 15))
    assert widest_end(found, [window], (30, 20, 20)) == End((9, 5, 11), axis=0, step=1)
    assert widest_end(found, [window], (10, 20, 20)) is None
    behind = VoxelBox((8, 0, 5), (18, 12, 15))
    assert widest_end(found, [window, behind], (30, 20, 20)) is None


def test_the_widest_end_is_followed_first():
    found = np.zeros((30, 30, 30), bool)
    found[10:20, 14:16, 14:16] = True
    found[12:18, 12:18, 10:12] = True
    assert widest_end(found, [VoxelBox((10, 10, 10), (20, 20, 20))], (30, 30, 30)) == End((14, 14, 10), axis=2, step=-1)
