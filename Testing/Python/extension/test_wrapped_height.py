"""A panel in a scroll area is as high as its wrapped texts need."""

from __future__ import annotations

import pytest

qt = pytest.importorskip("qt", reason="no Qt: see CONTRIBUTING.md for the libraries that it needs")
slicer = pytest.importorskip("slicer")
from host import module_manager

NARROW, WIDE, HEIGHT = 160, 900, 80


@pytest.fixture
def scrolled():
    """A scroll area with a long text that wraps above a button, and what keeps it high enough."""
    module_manager.load("VistaSeg")
    from VistaSegLib.WrappedHeight import WrappedHeight

    area, content = qt.QScrollArea(), qt.QWidget()
    layout = qt.QVBoxLayout(content)
    label, button = qt.QLabel("word " * 120), qt.QPushButton("Segment")
    label.wordWrap = True
    layout.addWidget(label)
    layout.addWidget(button)
    area.setWidget(content)
    area.widgetResizable = True
    kept = WrappedHeight(layout)
    area.show()
    yield area, content, label, button, kept
    kept.close()
    area.hide()


def show(area, width):
    area.resize(width, HEIGHT)
    for _ in range(5):
        slicer.app.processEvents()


def test_a_text_that_wraps_has_room_for_all_its_lines(scrolled):
    area, content, label, button, _kept = scrolled
    show(area, NARROW)
    assert label.height >= label.heightForWidth(label.width) > 10 * button.height
    assert button.y >= label.y + label.height


def test_the_height_follows_the_width(scrolled):
    area, content, *_ = scrolled
    show(area, NARROW)
    high = content.height
    show(area, WIDE)
    assert content.height < high / 2


def test_the_height_follows_the_text(scrolled):
    area, content, label, *_ = scrolled
    show(area, NARROW)
    label.text = "word " * 400
    show(area, NARROW)
    assert label.height >= label.heightForWidth(label.width)


def test_the_widget_is_left_alone_after_closing(scrolled):
    area, content, _label, _button, kept = scrolled
    show(area, NARROW)
    kept.close()
    before = content.minimumHeight
    show(area, WIDE)
    assert content.minimumHeight == before
