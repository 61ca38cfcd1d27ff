"""Stand-in for `slicer.ScriptedLoadableModule`: the base classes of a module, its widget, logic and self test."""

from __future__ import annotations

import sys
import unittest
from pathlib import Path
from types import ModuleType
from typing import Any

import slicer
from PySide6.QtGui import QIcon


class _WithResources:
    path: Path

    def resourcePath(self, name: str) -> str:
        return str(self.path.parent / "Resources" / name)


class ScriptedLoadableModule(_WithResources):
    """What a module says of itself, into its parent."""

    def __init__(self, parent: Any) -> None:
        super().__init__()
        self.parent = parent
        self.path = Path(parent.path)
        self.moduleName = type(self).__name__
        icon = self.path.parent / "Resources" / "Icons" / f"{self.moduleName}.png"
        if icon.is_file():
            parent.icon = QIcon(str(icon))


class ScriptedLoadableModuleWidget(_WithResources):
    """The panel of a module; its layout is that of the widget that it is given."""

    def __init__(self, parent: Any) -> None:
        super().__init__()
        self.parent = parent
        self.moduleName = type(self).__name__.removesuffix("Widget")
        self.path = Path(slicer.util.modulePath(self.moduleName))
        self.layout = parent.layout()

    def setup(self) -> None:
        """Called once, when the panel is first shown."""

    def enter(self) -> None:
        """Called when the module is selected."""

    def exit(self) -> None:
        """Called when another module is selected."""

    def cleanup(self) -> None:
        """Called before the panel goes."""


class ScriptedLoadableModuleLogic:
    """Finds or makes the module's one parameter node."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__()
        self.moduleName = type(self).__name__.removesuffix("Logic")

    def getParameterNode(self) -> Any:
        node = slicer.mrmlScene.GetSingletonNode(self.moduleName, "vtkMRMLScriptedModuleNode")
        return node or slicer.mrmlScene.AddNode(self._new_node())

    def _new_node(self) -> Any:
        node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLScriptedModuleNode")
        node.UnRegister(None)
        node.SetSingletonTag(self.moduleName)
        node.SetModuleName(self.moduleName)
        node.SetAttribute("ModuleName", self.moduleName)
        node.SetName(slicer.mrmlScene.GenerateUniqueName(self.moduleName))
        return node


class ScriptedLoadableModuleTest(unittest.TestCase):
    """The self test of a module."""

    def runTest(self) -> None:
        """What a module's own test overrides."""


def install() -> None:
    """Make `slicer.ScriptedLoadableModule` importable."""
    module = ModuleType("slicer.ScriptedLoadableModule")
    bases = (
        ScriptedLoadableModule,
        ScriptedLoadableModuleWidget,
        ScriptedLoadableModuleLogic,
        ScriptedLoadableModuleTest,
    )
    vars(module).update({base.__name__: base for base in bases}, __all__=[base.__name__ for base in bases])
    sys.modules[module.__name__] = slicer.ScriptedLoadableModule = module
