"""Loads the `.ui` files of the panel."""

from __future__ import annotations

from pathlib import Path

import qt
import slicer

RESOURCES = Path(__file__).resolve().parents[1] / "Resources"


def loadUi(name: str):
    """The widget of `Resources/UI/<name>.ui` before the scene, and its named widgets as attributes."""
    widget = slicer.util.loadUI(str(RESOURCES / "UI" / f"{name}.ui"))
    widget.setMRMLScene(slicer.mrmlScene)
    return widget, slicer.util.childWidgetVariables(widget)


def icon(name: str):
    """`Resources/Icons/<name>.svg`."""
    return qt.QIcon(str(RESOURCES / "Icons" / f"{name}.svg"))
