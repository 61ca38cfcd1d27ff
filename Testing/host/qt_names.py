"""`qt` and `ctk` as PythonQt has them: every class in one namespace, and properties that are attributes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import __feature__
from PySide6 import QtCore, QtGui, QtUiTools, QtWidgets

EXTENSION = Path(__file__).resolve().parents[2] / "VistaSegExtension"
TRUE_PROPERTY = 0x02  # the feature's number, which PySide6 keeps for each importing module
# A `.ui` file connects the scene by C++ signature, between widgets that are Python here; there is no window system.
EXPECTED_MESSAGES = ("QObject::connect: ", "propagateSizeHints")


class Qt(ModuleType):
    """All that PySide6 has, by name."""

    def __getattr__(self, name: str) -> Any:
        for module in (QtCore, QtGui, QtWidgets, QtUiTools):
            if hasattr(module, name):
                return getattr(module, name)
        raise AttributeError(f"Qt has no {name}")


def install(custom_widgets: Iterable[type[QtWidgets.QWidget]]) -> None:
    """Make `qt` and `ctk` importable; the `.ui` files of the extension may use the custom widgets."""
    widgets = list(custom_widgets)
    qt, ctk = Qt("qt"), ModuleType("ctk")
    vars(qt)["QUiLoader"] = _loader_of(widgets)
    vars(ctk).update({widget.__name__: widget for widget in widgets if widget.__name__.startswith("ctk")})
    sys.modules.update(qt=qt, ctk=ctk)
    QtCore.qInstallMessageHandler(_print_message)
    for path in EXTENSION.rglob("*.py"):
        use_properties(_module_name(path))


def use_properties(module: str) -> None:
    """Let a module read and write Qt's properties as attributes, as PythonQt does everywhere."""
    __feature__.set_selection(TRUE_PROPERTY, module)


def _loader_of(widgets: list[type[QtWidgets.QWidget]]) -> type:
    class UiLoader(QtUiTools.QUiLoader):
        """Knows Slicer's widgets, as its plugins make it do in the application."""

        def __init__(self) -> None:
            super().__init__()
            for widget in widgets:
                self.registerCustomWidget(widget)

    return UiLoader


def _module_name(path: Path) -> str:
    """As it is imported: a module of a `…Lib` package by its package, a scripted module by itself."""
    package = path.parent.name
    if path.name == "__init__.py":
        return package
    return f"{package}.{path.stem}" if package.endswith("Lib") else path.stem


def _print_message(_kind: Any, _context: Any, text: str) -> None:
    if not any(name in text for name in EXPECTED_MESSAGES):
        print(f"Qt: {text}", file=sys.stderr)
