"""Stand-ins for the application itself: `slicer.app`, translation, installation of packages, sample data."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import slicer
from PySide6.QtCore import QObject, QSettings, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QWidget

from host.slice_views import SliceWidget, slice_widget


class Application(QObject):
    """`slicer.app`; signals are connected by their C++ signature, as with PythonQt."""

    startupCompleted = Signal()
    applicationName = "Slicer"

    def __init__(self, application: QApplication) -> None:
        super().__init__()
        self._application = application
        self.aboutToQuit = application.aboutToQuit
        self._layout_manager = LayoutManager()

    def connect(self, signature: str, slot: Any) -> None:  # type: ignore[override]
        getattr(self, signature.split("(")[0]).connect(slot)

    def testingEnabled(self) -> bool:
        return True

    def processEvents(self) -> None:
        self._application.processEvents()

    def clipboard(self) -> Any:
        return QGuiApplication.clipboard()

    def layoutManager(self) -> LayoutManager:
        return self._layout_manager


class LayoutManager:
    """Knows the slice views, which have nodes and interactors but no windows here."""

    def sliceViewNames(self) -> list[str]:
        return [node.GetLayoutName() for node in slicer.util.getNodesByClass("vtkMRMLSliceNode")]

    def sliceWidget(self, name: str) -> SliceWidget:
        return slice_widget(name)


class Installer:
    """`slicer.packaging`: remembers what it was asked for instead of installing it.

    Attributes:
        asked: the requirements of each call.
        constraints: the text of the file of constraints of each call.
    """

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.constraints: list[str] = []

    def pip_ensure(self, requirements: Any, constraints: Path, *_: Any, **__: Any) -> None:
        self.asked.append([str(requirement) for requirement in requirements])
        self.constraints.append(Path(constraints).read_text(encoding="utf-8"))


class SampleDataLogic:
    """`SampleData.SampleDataLogic`: remembers what was registered."""

    registered: list[dict[str, Any]] = []

    @classmethod
    def registerCustomSampleDataSource(cls, **source: Any) -> None:
        cls.registered.append(source)


def install() -> None:
    """Make the application, once in a process, with settings that are nobody's."""
    application = QApplication.instance() or QApplication(["Slicer"])
    QSettings.setDefaultFormat(QSettings.Format.IniFormat)
    application.setOrganizationName("VistaSeg-test-host")
    slicer.app = Application(application)
    slicer.util.mainWindow = lambda: None
    slicer.util.childWidgetVariables = child_widget_variables
    _add_module("slicer.i18n", tr=_text, translate=lambda _context, text: text)
    _add_module("slicer.packaging", pip_ensure=Installer().pip_ensure)
    sys.modules["SampleData"] = _module("SampleData", SampleDataLogic=SampleDataLogic)


def child_widget_variables(widget: QWidget) -> SimpleNamespace:
    """The named widgets of a `.ui` file, by name; `slicer.util`'s own reads a property that only PythonQt has."""
    children = widget.findChildren(QObject)
    return SimpleNamespace(**{child.objectName: child for child in children if child.objectName})


def _text(text: str) -> str:
    return text


def _module(name: str, **content: Any) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(content)
    return module


def _add_module(name: str, **content: Any) -> None:
    sys.modules[name] = _module(name, **content)
    setattr(slicer, name.split(".")[1], sys.modules[name])
