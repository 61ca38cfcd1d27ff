"""Clicks on a mask that the model takes for something else change what is near them, and the user is told."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from vistaseg.geometry.box import VoxelBox
from vistaseg.models.correction import VoxelClick
from vistaseg.models.vista3d.click_windows import ClickWindows
from vistaseg.models.vista3d.interactive import DOUBTFUL, ClickQuestion, PointBranch
from vistaseg.models.vista3d.point_head import ClickTarget
from vistaseg.progress import silent

SIZE = (24, 24, 24)
ORGAN = np.zeros(SIZE, bool)
ORGAN[2:20, 4:20, 4:20] = True
BUMP = np.zeros(SIZE, bool)
BUMP[20:23, 11:14, 11:14] = True


class Sees(PointBranch):
    """A model that answers each click with the same mask."""

    def __init__(self, seen: np.ndarray) -> None:
        super().__init__(None, ClickWindows.__new__(ClickWindows), SIZE, SIZE)
        self.seen = seen

    def _choose(self, question: ClickQuestion) -> VoxelBox:
        return VoxelBox.whole(SIZE)

    def _found(self, window: VoxelBox, clicks: Sequence[VoxelClick], target: ClickTarget) -> np.ndarray:
        return self.seen.copy()


@pytest.fixture(autouse=True)
def _no_windows_to_forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ClickWindows, "forget", lambda self: None, raising=False)


def answer(
    seen: np.ndarray, mask: np.ndarray, index: tuple[int, int, int], positive: bool, given: bool
) -> tuple[np.ndarray, np.ndarray, str]:
    """What a click adds and removes, and its note."""
    question = ClickQuestion((VoxelClick(index, positive),), ClickTarget(supported=False), given=given)
    found = Sees(seen).answer(question, mask, silent)
    return found.mask & ~mask, mask & ~found.mask, found.note


def test_one_click_does_not_take_away_an_organ_that_the_model_does_not_see():
    small = np.zeros(SIZE, bool)
    small[5:7, 5:7, 5:7] = True
    added, removed, note = answer(small, ORGAN | BUMP, (21, 12, 12), positive=False, given=True)
    assert note == DOUBTFUL
    assert removed[21, 12, 12]
    assert removed.sum() < 0.1 * ORGAN.sum()


def test_a_model_that_sees_the_organ_is_followed():
    added, removed, note = answer(ORGAN, ORGAN | BUMP, (21, 12, 12), positive=False, given=True)
    assert note == ""
    assert np.array_equal(removed, BUMP)


def test_a_positive_click_in_doubt_adds_what_is_near_it():
    added, removed, note = answer(~ORGAN, ORGAN, (21, 12, 12), positive=True, given=True)
    assert note == DOUBTFUL
    assert added[21, 12, 12]
    assert added.sum() < 0.2 * (~ORGAN).sum()
    assert not removed.any()


def test_a_negative_click_in_doubt_does_not_take_away_what_earlier_clicks_led_to():
    added, removed, note = answer(np.zeros(SIZE, bool), ORGAN | BUMP, (21, 12, 12), positive=False, given=False)
    assert note == DOUBTFUL
    assert removed[21, 12, 12]
    assert removed.sum() < 0.1 * ORGAN.sum()


def test_a_positive_click_on_a_mask_of_clicks_adds_all_that_it_touches():
    added, removed, note = answer(~ORGAN, ORGAN, (21, 12, 12), positive=True, given=False)
    assert note == ""
    assert np.array_equal(added, ~ORGAN)


def test_nothing_is_said_to_have_changed_where_nothing_has():
    added, removed, note = answer(ORGAN[::-1] & ~ORGAN | BUMP, ORGAN | BUMP, (21, 12, 12), positive=False, given=True)
    assert not (added.any() or removed.any())
    assert note == ""
