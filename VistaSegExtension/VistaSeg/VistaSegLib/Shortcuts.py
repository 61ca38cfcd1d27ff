"""Keys of the panel, which work while it is shown and the pointer is over a slice view.

Elsewhere letters are for whatever has the focus, or for nothing: a path that is typed while nothing has it changes no
segment. The Segment Editor has q w z y i, the digits, Space and Escape; the slice views have b f g r t v and the
arrows.
"""

from __future__ import annotations

from collections.abc import Callable

import qt

from VistaSegLib.SlicePointer import SlicePointer


class Shortcuts:
    """Keys that call functions while the pointer is over a slice view, wherever the focus is in the window of a widget.

    A text that is being edited still gets its letters: Qt asks what has the focus first.

    Args:
        widget: whose keys they are.
        actions: key → function.
    """

    def __init__(self, widget, actions: dict[str, Callable[[], None]]) -> None:
        self._shortcuts = [_shortcut(key, widget, action) for key, action in actions.items()]
        self._pointer = SlicePointer(self._setEnabled)
        self._setEnabled(False)

    def start(self) -> None:
        """Let the keys work over the slice views."""
        self._pointer.start()

    def stop(self) -> None:
        """Let them work no longer."""
        self._pointer.stop()
        self._setEnabled(False)

    def _setEnabled(self, enabled: bool) -> None:
        for shortcut in self._shortcuts:
            shortcut.setEnabled(enabled)


def _shortcut(key: str, widget, action: Callable[[], None]):
    shortcut = qt.QShortcut(qt.QKeySequence(key), widget)
    shortcut.activated.connect(lambda *_: action())
    return shortcut
