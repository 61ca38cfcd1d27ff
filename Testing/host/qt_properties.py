"""Makes properties of PySide6's classes attributes, as PythonQt has them; setters stay.

PySide6's own switch for this, `true_property`, takes away setters that PythonQt has, and crashes on some that it
leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import __feature__
from PySide6.QtCore import QObject

# Python subclasses override these, so they stay methods.
VIRTUAL = {"sizeHint", "minimumSizeHint"}


def make_attributes(*modules: ModuleType) -> None:
    """Once for each module of PySide6; `label.text()` is `label.text` from then on, everywhere in the process."""
    # For that switch, PySide6 would read the source of every module that anybody imports.
    __feature__.feature_imported = lambda module: None
    for name, owner in list(_own_properties(modules)):
        setattr(owner, name, property(_getter(owner, name), _setter(owner, name)))


def _own_properties(modules: tuple[ModuleType, ...]) -> Iterator[tuple[str, type]]:
    classes = (getattr(module, name) for module in modules for name in dir(module))
    for owner in classes:
        if isinstance(owner, type) and issubclass(owner, QObject):
            meta = owner.staticMetaObject
            names = {meta.property(index).name() for index in range(meta.propertyOffset(), meta.propertyCount())}
            yield from ((name, owner) for name in names - VIRTUAL)


def _getter(owner: type, name: str) -> Callable[[Any], Any]:
    capital = name[0].upper() + name[1:]
    methods = (getattr(owner, method, None) for method in (name, f"is{capital}", f"has{capital}"))
    method = next(filter(callable, methods), None)
    return (lambda self: QObject.property(self, name)) if method is None else (lambda self: method(self))


def _setter(owner: type, name: str) -> Callable[[Any, Any], Any]:
    method = getattr(owner, f"set{name[0].upper()}{name[1:]}", None)
    if method is None:
        return lambda self, value: QObject.setProperty(self, name, value)
    return lambda self, value: method(self, value)
