"""Loads, shows, reloads and unloads scripted modules of the extension: itself on the host, by Slicer inside one."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import slicer

from host import is_slicer

EXTENSION = Path(__file__).resolve().parents[2] / "VistaSegExtension"


def load(name: str) -> Any:
    """Import a module's file and register it, as at start-up; its `slicer.modules.<name>` is returned."""
    if is_slicer():
        return getattr(slicer.modules, name.lower())
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
    """A new panel of the module, set up and entered."""
    widget = _widget_in_slicer(name) if is_slicer() else _new_widget(name, _parent())
    widget.parent.enter()
    return widget


def _widget_in_slicer(name: str) -> Any:
    """The one panel that the module owns, made anew where it was there."""
    if hasattr(slicer.modules, f"{name}Widget"):
        slicer.util.reloadScriptedModule(name)
    return slicer.util.getModuleWidget(name)


def close_widget(name: str) -> None:
    """Leave the panel and let it go, as at the end of the application."""
    widget = getattr(slicer.modules, f"{name}Widget")
    widget.parent.exit()
    widget.cleanup()
    if not is_slicer():  # where the module owns its panel
        widget.parent.deleteLater()


def reload_widget(name: str) -> Any:
    """As the Reload button of developer mode: the module's own file is read again, and the panel made anew.

    The module stays entered, and is not told so again.
    """
    if is_slicer():
        return _widget_in_slicer(name)
    _import(name, EXTENSION / name / f"{name}.py")
    old = getattr(slicer.modules, f"{name}Widget")
    old.cleanup()
    _empty(old.parent.layout())
    return _new_widget(name, old.parent)


def _new_widget(name: str, parent: Any) -> Any:
    parent.widget = widget = getattr(sys.modules[name], f"{name}Widget")(parent)
    widget.setup()
    setattr(slicer.modules, f"{name}Widget", widget)
    return widget


def _empty(layout: Any) -> None:
    while layout.count():
        shown = layout.takeAt(0).widget()
        if shown is not None:
            shown.hide()


def _parent() -> Any:
    from PySide6.QtWidgets import QVBoxLayout

    from host.mrml_widgets import qSlicerScriptedLoadableModuleWidget

    parent = qSlicerScriptedLoadableModuleWidget()
    parent.setLayout(QVBoxLayout())
    parent.layout().setContentsMargins(4, 4, 4, 4)
    parent.setMRMLScene(slicer.mrmlScene)
    return parent


def _import(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
