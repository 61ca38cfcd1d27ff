"""A model that another package offers, in the panel: one line of the selector, and it segments."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

qt = pytest.importorskip("qt", reason="no Qt: see CONTRIBUTING.md for the libraries that it needs")

from fake_model import FakeModel
from panel_case import add_ct
from third_model import offered


@pytest.fixture
def models() -> Iterator[dict[str, FakeModel]]:
    """The models that jobs load, the third one too, which the panel sees when it opens."""
    with offered():
        yield {"demo": FakeModel("demo"), "third": FakeModel("third")}


def test_a_third_model_is_a_line_of_the_selector_and_segments(case):
    selector = case.section("Model").ui.modelSelector
    case.settle()
    titles = [selector.itemText(index) for index in range(selector.count)]
    assert titles == ["VISTA3D and SegVol", "VISTA3D", "SegVol", "Small bundled models, for trying", "Third"]
    selector.setCurrentIndex(titles.index("Third"))
    case.volume = add_ct()
    case.selection.volumeNode = case.volume
    section = case.section("Automatic")
    tree = section.ui.structureTree
    groups = [tree.topLevelItem(place) for place in range(tree.topLevelItemCount)]
    rows = [group.child(place) for group in groups for place in range(group.childCount())]
    next(row for row in rows if row.text(0) == "spleen").setCheckState(0, qt.Qt.Checked)
    section.ui.segmentButton.click()
    case.settle()
    assert list(case.segments) == ["spleen"]
