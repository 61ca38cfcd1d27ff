"""Colours as little squares."""

from __future__ import annotations

import qt

SIDE = 12


def swatch(color: tuple[int, int, int]):
    """An icon of one colour, red, green and blue in 0 … 255."""
    pixmap = qt.QPixmap(SIDE, SIDE)
    pixmap.fill(qt.QColor(*color))
    return qt.QIcon(pixmap)
