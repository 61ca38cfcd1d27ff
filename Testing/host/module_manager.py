"""Loads, shows, reloads and unloads scripted modules of the extension, as the application's module manager does."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import slicer
from PySide6.QtWidgets import QVBoxLayout

from host.mrml_widgets import qMRMLWidget

EXTENSION = Path(__file__).resolve().parents[2] / "VistaSegExtension"


def load(name: str) -> Any:
    """Import a module's file and register it, as at start-up; its `slicer.modules.<name>` is returned."""
    path = EXTENSION / name / f"{name}.py"
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    module = _import(name, path)
    parent = SimpleNamespace(path=str(path), name=name, title="", icon=None, hidden=False)
    registered = getattr(module, name)(parent)
    entry = SimpleNamespace(path=str(path), name=name, parent=parent, registered=registered)
    setattr(slicer.modules, name.lower(), entry)
    return entry


def open_widget(name: str) -> Any:
    """Select the module for the first time: make its panel, set it up and enter it."""
    parent = qMRMLWidget()
    parent.setLayout(QVBoxLayout())
    parent.layout().setContentsMargins(4, 4, 4, 4)
    parent.setMRMLScene(slicer.mrmlScene)
    widget = getattr(sys.modules[name], f"{name}Widget")(parent)
    setattr(slicer.modules, f"{name}Widget", widget)
    widget.setup()
    widget.enter()
    return widget


def close_widget(name: str) -> None:
    """Unload the panel, as at the end of the application."""
    widget = getattr(slicer.modules, f"{name}Widget")
    delattr(slicer.modules, f"{name}Widget")
    widget.exit()
    widget.cleanup()
    widget.parent.deleteLater()


def reload_widget(name: str) -> Any:
    """The Reload button of developer mode: the module's own file is read again, and the panel made anew."""
    _import(name, EXTENSION / name / f"{name}.py")
    close_widget(name)
    return open_widget(name)


def _import(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
