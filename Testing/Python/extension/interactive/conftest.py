"""The section for one structure, before a small CT."""

from __future__ import annotations

import pytest

pytest.importorskip("qt", reason="no Qt: see CONTRIBUTING.md for the libraries that it needs")

from panel_case import add_ct


@pytest.fixture
def section(case):
    case.volume = add_ct()
    case.selection.volumeNode = case.volume
    return case.section("Interactive")
