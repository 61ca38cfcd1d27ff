"""The time that a volume is said to take comes from automatic segmentations alone."""

from __future__ import annotations

import pytest

qt = pytest.importorskip("qt", reason="no Qt: see CONTRIBUTING.md for the libraries that it needs")

from vistaseg.jobs import ProgressReport


@pytest.fixture
def estimate(panel, add_ct):
    """The module, which is found once the panel is."""
    from VistaSegLib import Estimate

    node = add_ct()
    setting = qt.QSettings()
    setting.remove("VistaSeg/SecondsAWindow")
    yield Estimate.learn, lambda: Estimate.expectedSeconds(node, "vista3d")
    setting.remove("VistaSeg/SecondsAWindow")


def test_a_window_that_took_long_makes_the_estimate_longer(estimate):
    learn, expected = estimate
    learn("vista3d", ProgressReport("windows", 4, 8, 4.0, 4.0))
    before = expected()
    learn("vista3d", ProgressReport("windows", 4, 8, 40.0, 40.0))
    assert expected() == pytest.approx(10 * before)


def test_a_click_followed_through_windows_changes_nothing(estimate):
    learn, expected = estimate
    before = expected()
    for done in range(1, 8):
        learn("vista3d", ProgressReport("windows", done, done + 1, 5.0 * done, None))
    assert expected() == before


def test_a_text_that_another_model_answers_changes_nothing(estimate):
    learn, expected = estimate
    before = expected()
    learn("vista3d", ProgressReport("looks", 4, 8, 4.0, 4.0))
    assert expected() == before
