"""A panel is as high as its wrapped texts need, whatever little height it is offered."""

from __future__ import annotations

import pytest

qt = pytest.importorskip("qt", reason="no Qt: see CONTRIBUTING.md for the libraries that it needs")
slicer = pytest.importorskip("slicer")
from host import module_manager

NARROW, WIDE, HEIGHT = 160, 900, 80


@pytest.fixture
def squeezed():
    """A window with a long text that wraps above a button, and what keeps it high enough."""
    module_manager.load("VistaSeg")
    from VistaSegLib.WrappedHeight import WrappedHeight

    area, content = qt.QWidget(), qt.QWidget()
    # It asks for the least height alone, as the module panel of Slicer does.
    qt.QVBoxLayout(area).addWidget(content)
    layout = qt.QVBoxLayout(content)
    label, button = qt.QLabel("word " * 120), qt.QPushButton("Segment")
    label.wordWrap = True
    layout.addWidget(label)
    layout.addWidget(button)
    kept = WrappedHeight(layout)
    area.show()
    yield area, content, label, button, kept
    kept.close()
    area.hide()


def show(area, width):
    area.resize(width, HEIGHT)
    for _ in range(5):
        slicer.app.processEvents()


def test_a_text_that_wraps_has_room_for_all_its_lines(squeezed):
    area, content, label, button, _kept = squeezed
    show(area, NARROW)
    assert label.height >= label.heightForWidth(label.width) > 10 * button.height
    assert button.y >= label.y + label.height


def test_the_height_follows_the_width(squeezed):
    area, content, *_ = squeezed
    show(area, NARROW)
    high = content.minimumHeight
    show(area, WIDE)
    assert 0 < content.minimumHeight < high / 2


def test_the_height_follows_the_text(squeezed):
    area, content, label, *_ = squeezed
    show(area, NARROW)
    label.text = "word " * 400
    show(area, NARROW)
    assert label.height >= label.heightForWidth(label.width)


def test_the_widget_is_left_alone_after_closing(squeezed):
    area, content, _label, _button, kept = squeezed
    show(area, NARROW)
    kept.close()
    before = content.minimumHeight
    show(area, WIDE)
    assert content.minimumHeight == before
