"""Room for texts that wrap: a scrolled panel would squeeze its other parts, one over the other."""

from __future__ import annotations

import qt


class WrappedHeight(qt.QObject):
    """Keeps a widget as high as its layout has to be at the width that it has.

    A scroll area asks for the least height alone, which does not know of lines that wrap.

    Args:
        layout: of the widget.
    """

    def __init__(self, layout) -> None:
        super().__init__()
        self._layout = layout
        self._widget = layout.parentWidget()
        self._widget.installEventFilter(self)

    def eventFilter(self, watched, event) -> bool:
        if event.type() in (qt.QEvent.LayoutRequest, qt.QEvent.Resize):
            needed = self._layout.minimumHeightForWidth(self._widget.width)
            self._widget.minimumHeight = max(0, needed)  # -1 where nothing wraps
        return False

    def close(self) -> None:
        """Leave the widget alone."""
        self._widget.removeEventFilter(self)
