"""Stand-in for `slicer.parameterNodeWrapper`: annotated attributes that are kept in a node, and so in the scene."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import slicer

from host.parameter_widgets import connect_widgets


@dataclass(frozen=True)
class WithinRange:
    """A number's bounds."""

    minimum: float
    maximum: float

    def check(self, value: float) -> None:
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"Value must be within {self.minimum} and {self.maximum}, is {value}")


WRITE: dict[type, Callable[[Any], str]] = {str: str, bool: str, int: str, float: repr}
READ: dict[type, Callable[[str], Any]] = {str: str, bool: lambda text: text == "True", int: int, float: float}


class Parameter:
    """One attribute: text in the node, or a reference to another node."""

    def __init__(self, name: str, annotation: Any, default: Any) -> None:
        self.name, self.default = name, default
        base, *self.checks = get_args(annotation) if get_origin(annotation) is Annotated else (annotation,)
        self.kind: type = base
        self.is_node = isinstance(base, type) and issubclass(base, slicer.vtkMRMLNode)
        if not self.is_node and self.kind not in WRITE:
            raise TypeError(f"The stand-in keeps no {base} in a parameter node.")

    def __get__(self, wrapper: Any, _owner: type) -> Any:
        if wrapper is None:
            return self
        node = wrapper.parameterNode
        return node.GetNodeReference(self.name) if self.is_node else READ[self.kind](node.GetParameter(self.name))

    def __set__(self, wrapper: Any, value: Any) -> None:
        self._require(value)
        if self.is_node:
            wrapper.parameterNode.SetNodeReferenceID(self.name, value.GetID() if value is not None else None)
        else:
            wrapper.parameterNode.SetParameter(self.name, WRITE[self.kind](value))

    def set_default(self, wrapper: Any) -> None:
        if not self.is_node and wrapper.parameterNode.GetParameter(self.name) == "":
            self.__set__(wrapper, self.kind() if self.default is None else self.default)

    def _require(self, value: Any) -> None:
        if not (isinstance(value, self.kind) or (self.is_node and value is None)):
            raise TypeError(f"{self.name} is of {self.kind}, not {type(value)}")
        for check in self.checks:
            check.check(value)


def parameterNodeWrapper(declaration: type) -> type:
    """A class over a parameter node, with the declared attributes."""
    annotations = get_type_hints(declaration, include_extras=True)
    parameters = [Parameter(name, kind, getattr(declaration, name, None)) for name, kind in annotations.items()]

    def initialize(self: Any, parameterNode: Any) -> None:
        self.parameterNode = parameterNode
        self._connections = {}
        for parameter in parameters:
            parameter.set_default(self)

    content = {**vars(declaration), **{parameter.name: parameter for parameter in parameters}}
    content.update(__init__=initialize, connectGui=_connect_gui, disconnectGui=_disconnect_gui)
    for name in ("AddObserver", "RemoveObserver", "Modified", "StartModify", "EndModify"):
        content[name] = _forwarded(name)
    return type(declaration.__name__, declaration.__bases__, content)


def _connect_gui(self: Any, widget: Any) -> int:
    """Bind the widgets that have the property SlicerParameterName; returns the number to disconnect them with."""
    tag = len(self._connections) + 1
    self._connections[tag] = connect_widgets(self, widget)
    return tag


def _disconnect_gui(self: Any, tag: int) -> None:
    self._connections.pop(tag)()


def _forwarded(name: str) -> Callable[..., Any]:
    return lambda self, *arguments: getattr(self.parameterNode, name)(*arguments)


def install() -> None:
    """Make `slicer.parameterNodeWrapper` importable."""
    module = ModuleType("slicer.parameterNodeWrapper")
    vars(module).update(parameterNodeWrapper=parameterNodeWrapper, WithinRange=WithinRange)
    sys.modules[module.__name__] = slicer.parameterNodeWrapper = module
