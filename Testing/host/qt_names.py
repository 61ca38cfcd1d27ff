"""`qt` and `ctk` as PythonQt has them: every class in one namespace."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterable
from types import ModuleType
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6 import QtCore, QtGui, QtUiTools, QtWidgets

from host.qt_properties import make_attributes

MODULES = (QtCore, QtGui, QtWidgets, QtUiTools)
# A `.ui` file connects the scene by C++ signature, between widgets that are Python here; there is no window system.
EXPECTED_MESSAGES = ("QObject::connect: ", "propagateSizeHints")


class Qt(ModuleType):
    """All that PySide6 has, by name."""

    def __getattr__(self, name: str) -> Any:
        for module in MODULES:
            if hasattr(module, name):
                return getattr(module, name)
        raise AttributeError(f"Qt has no {name}")


def install(custom_widgets: Iterable[type[QtWidgets.QWidget]]) -> None:
    """Make `qt` and `ctk` importable; the `.ui` files of the extension may use the custom widgets."""
    _keep_none()
    make_attributes(*MODULES)
    widgets = list(custom_widgets)
    qt, ctk = Qt("qt"), ModuleType("ctk")
    loader = _loader(widgets)
    vars(qt)["QUiLoader"] = lambda: loader
    vars(ctk).update({widget.__name__: widget for widget in widgets if widget.__name__.startswith("ctk")})
    sys.modules.update(qt=qt, ctk=ctk)
    QtCore.qInstallMessageHandler(_print_message)


def _keep_none() -> None:
    """PySide6 gives None away without counting it, as if it were immortal, which it is from Python 3.12 on."""
    if sys.version_info < (3, 12):
        ctypes.c_ssize_t.from_address(id(None)).value += 1 << 40


def _loader(widgets: list[type[QtWidgets.QWidget]]) -> QtUiTools.QUiLoader:
    """Knows Slicer's widgets, as its plugins make it do in the application."""
    loader = QtUiTools.QUiLoader()
    for widget in widgets:
        loader.registerCustomWidget(widget)
    return loader


def _print_message(_kind: Any, _context: Any, text: str) -> None:
    if not any(name in text for name in EXPECTED_MESSAGES):
        print(f"Qt: {text}", file=sys.stderr)
