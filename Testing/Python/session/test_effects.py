"""What is said of a prompt beside its answer."""

from __future__ import annotations

import numpy as np
import pytest
from fake_model import FakeModel

from vistaseg.prompts import RegionOfInterest
from vistaseg.session import Session

RAS = np.array([[-5, 0, 0, 100], [0, 5, 0, -75], [0, 0, 5, -100], [0, 0, 0, 1.0]])
FROM, TO = np.array([-95, -75, -100]), np.array([100, 70, 95])
"""RAS mm of the centres of the voxels in the corners."""


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (FROM - 40, FROM + 1, "99 % of the box lie outside the scan"),
        (FROM - 2, FROM + 4, "The box covers only 1 voxel of the scan"),
        (FROM + 1, FROM + (11, 6, 4), "The box covers no voxel of the scan"),
        (FROM + 1, FROM + (11, 6, 6), "The box covers only 2 voxels of the scan"),
        (TO - 6, TO + 1, None),
        (TO - 60, TO + 60, None),
    ],
)
def test_a_box_that_hardly_meets_the_scan_is_told(phantom, low, high, told):
    session = Session(phantom((40, 30, 40), RAS), FakeModel())
    session.start("a")
    note = session.add(RegionOfInterest(tuple(low), tuple(high)), "a").note
    assert told in note if told else "box" not in note
