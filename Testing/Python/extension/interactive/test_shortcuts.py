"""The keys of the section."""

from __future__ import annotations

import qt

TAKEN = {"Q", "W", "Z", "Y", "I", "B", "F", "G", "R", "T", "V", "Space", "Esc", "Ctrl+Z", *"0123456789"}
"""Slicer's own."""


def shortcuts(section):
    return {shortcut.key.toString(): shortcut for shortcut in section.widget.findChildren(qt.QShortcut)}


def test_shortcuts_work_only_while_the_panel_is_shown(case, section):
    keys = shortcuts(section)
    assert all(key.enabled for key in keys.values())
    section.ui.positiveButton.click()
    case.panel.exit()
    assert not any(key.enabled for key in keys.values()) and not section.ui.positiveButton.checked
    case.panel.enter()
    keys["A"].activated.emit()
    assert section.ui.positiveButton.checked
    keys["N"].activated.emit()
    assert case.selection.segmentId == ""


def test_no_key_is_one_of_slicers(section):
    assert len(shortcuts(section)) == 7 and not shortcuts(section).keys() & TAKEN
