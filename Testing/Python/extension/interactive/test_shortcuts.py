"""The keys of the section: letters act where the pointer is over a slice view, and nowhere else."""

from __future__ import annotations

import pytest
import qt
import slicer
from panel_case import MIDDLES, SPLEEN, red_view

TAKEN = {"Q", "W", "Z", "Y", "I", "B", "F", "G", "R", "T", "V", "Space", "Esc", "Ctrl+Z", *"0123456789"}
"""Slicer's own."""


def shortcuts(section):
    return {shortcut.key.toString(): shortcut for shortcut in section.widget.findChildren(qt.QShortcut)}


@pytest.fixture
def pointer(case, section):
    """Moves the pointer into the red view, which is made after the panel was opened, or out of it."""
    red_view()
    case.settle()

    def move(inside: bool) -> None:
        interactor = slicer.app.layoutManager().sliceWidget("Red").sliceView().interactor()
        interactor.InvokeEvent("EnterEvent" if inside else "LeaveEvent")

    move(False)
    return move


def test_shortcuts_work_only_while_the_panel_is_shown(case, section, pointer):
    keys = shortcuts(section)
    pointer(True)
    assert all(key.enabled for key in keys.values())
    section.ui.positiveButton.click()
    case.panel.exit()
    pointer(True)
    assert not any(key.enabled for key in keys.values()) and not section.ui.positiveButton.checked
    case.panel.enter()
    pointer(True)
    keys["A"].activated.emit()
    assert section.ui.positiveButton.checked
    keys["N"].activated.emit()
    assert case.selection.segmentId == ""


def test_letters_change_nothing_while_the_pointer_is_elsewhere(case, section, pointer):
    """A path that is typed while nothing has the focus is not an undo."""
    section.ui.positiveButton.click()
    case.click(MIDDLES[SPLEEN])
    before = case.mask("object 1")
    assert not any(key.enabled for key in shortcuts(section).values())
    pointer(True)
    assert shortcuts(section)["U"].enabled
    pointer(False)
    assert not any(key.enabled for key in shortcuts(section).values())
    assert before.any() and (case.mask("object 1") == before).all()


def test_letters_wait_for_the_pointer_when_the_panel_opens_and_when_it_comes_back(case, section, pointer):
    assert not any(key.enabled for key in shortcuts(section).values())
    case.panel.exit()
    case.panel.enter()
    assert not any(key.enabled for key in shortcuts(section).values())


def test_no_key_is_one_of_slicers(section):
    assert len(shortcuts(section)) == 7 and not shortcuts(section).keys() & TAKEN
