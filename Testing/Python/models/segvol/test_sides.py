"""Left and right of the body, however the scan is stored."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from prompted_network import affine_of

from vistaseg.geometry.box import VoxelBox
from vistaseg.masks.boxed import BoxedMask
from vistaseg.models.segvol.sides import BodySides
from vistaseg.volume import Volume

SHAPE = (24, 30, 36)


def organ(volume: Volume, r: float) -> BoxedMask:
    """The voxels around a place so far to the right of the body's middle."""
    middle = volume.index_to_ras([[(n - 1) / 2 for n in volume.shape_ijk]])[0]
    places = volume.index_to_ras(np.indices(SHAPE).reshape(3, -1).T[:, ::-1])
    mask = (np.linalg.norm(places - (middle + [r, 0, 0]), axis=1) < 8).reshape(SHAPE)
    return BoxedMask(mask[2:], VoxelBox((2, 0, 0), SHAPE).reversed)


@given(st.integers(0, 10**6), st.sampled_from([-20.0, 20.0]))
@settings(max_examples=40, deadline=None)
def test_the_side_is_that_of_the_patient(seed: int, r: float) -> None:
    affine = affine_of(seed)
    affine[:3, :3] /= np.linalg.norm(affine[:3, :3], axis=0) / 3
    volume = Volume.from_array(np.full(SHAPE, 40, np.int16), affine, axes="kji")
    sides, part = BodySides(volume), organ(volume, r)
    assert not part.empty
    found = "right" if r > 0 else "left"
    other = "left" if r > 0 else "right"
    assert sides.side(part) == found
    assert sides.doubt(f"{found} kidney", part) == ""
    assert f"patient's {found}" in sides.doubt(f"kidney {other}", part)


def test_the_middle_and_what_has_no_side_are_not_doubted() -> None:
    volume = Volume.from_array(np.full(SHAPE, 40, np.int16), np.diag([3.0, 3.0, 3.0, 1.0]), axes="kji")
    sides = BodySides(volume)
    assert sides.side(organ(volume, 4.0)) is None
    assert sides.doubt("liver", organ(volume, -20.0)) == ""
    assert sides.doubt("right heart ventricle", organ(volume, -20.0)) == ""


def test_without_a_body_there_are_no_sides() -> None:
    volume = Volume.from_array(np.full(SHAPE, -1000, np.int16), np.diag([3.0, 3.0, 3.0, 1.0]), axes="kji")
    assert BodySides(volume).side(organ(volume, -20.0)) is None
