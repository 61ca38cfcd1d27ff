"""Keys of the panel, which work while it is shown.

The Segment Editor has q w z y i, the digits, Space and Escape; the slice views have b f g r t v and the arrows.
"""

from __future__ import annotations

from collections.abc import Callable

import qt


class Shortcuts:
    """Keys that call functions, wherever the focus is in the window that shows a widget.

    Args:
        widget: whose keys they are.
        actions: key → function.
    """

    def __init__(self, widget, actions: dict[str, Callable[[], None]]) -> None:
        self._shortcuts = [_shortcut(key, widget, action) for key, action in actions.items()]
        self.setEnabled(False)

    def setEnabled(self, enabled: bool) -> None:
        """Let the keys work, or not."""
        for shortcut in self._shortcuts:
            shortcut.setEnabled(enabled)


def _shortcut(key: str, widget, action: Callable[[], None]):
    shortcut = qt.QShortcut(qt.QKeySequence(key), widget)
    shortcut.activated.connect(lambda *_: action())
    return shortcut
