from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vistaseg.errors import MemoryLimitError
from vistaseg.models.vista3d.configuration import Vista3dConfiguration
from vistaseg.models.vista3d.features import needed_bytes
from vistaseg.models.vista3d.scaling import plan_within
from vistaseg.models.vista3d.windows import plan_windows

FULL = Vista3dConfiguration()
SCAN = (267, 267, 433)


def test_without_a_limit_the_windows_are_the_published_ones() -> None:
    assert plan_within(SCAN, FULL, None, None) == plan_windows(SCAN, FULL)


def test_a_limit_that_the_published_windows_keep_changes_nothing() -> None:
    plan = plan_windows(SCAN, FULL)
    assert plan_within(SCAN, FULL, None, needed_bytes(plan, FULL.features)) == plan


@given(gigabytes=st.floats(1.5, 8))
def test_the_largest_windows_that_stay_within_the_limit_are_taken(gigabytes: float) -> None:
    limit = int(gigabytes * 1e9)
    plan = plan_within(SCAN, FULL, None, limit)
    side = plan.windows[0].shape[0]
    assert needed_bytes(plan, FULL.features) <= limit
    assert side % 16 == 0, "the network halves a side four times"
    larger = Vista3dConfiguration(window=(side + 16,) * 3)
    assert side == 128 or needed_bytes(plan_windows(SCAN, larger), FULL.features) > limit


def test_a_limit_below_the_smallest_windows_is_refused_with_what_it_takes() -> None:
    with pytest.raises(MemoryLimitError, match=r"at least 1\.4 GB of working memory, and 0\.5 GB are allowed"):
        plan_within(SCAN, FULL, None, 500_000_000)
