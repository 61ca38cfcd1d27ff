from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vistaseg.models.expected_work import expected_windows
from vistaseg.models.vista3d.configuration import Vista3dConfiguration
from vistaseg.models.vista3d.windows import plan_windows

voxels = st.integers(1, 700)


@given(st.tuples(voxels, voxels, voxels))
def test_it_counts_the_windows_that_are_planned(size):
    planned = plan_windows(size, Vista3dConfiguration())
    assert expected_windows("vista3d", [1.5 * count for count in size]) == len(planned.windows)


def test_windows_of_the_small_model_are_as_large_in_mm():
    size = (400.0, 400.0, 500.0)
    assert expected_windows("demo", size) == expected_windows("vista3d", size) > 1


@pytest.mark.parametrize("key", ["segvol", "segvol-demo"])
def test_a_model_without_classes_needs_none(key):
    assert expected_windows(key, (400.0, 400.0, 500.0)) == 0
