"""How widgets of a `.ui` file follow a parameter node, and it them: by their property SlicerParameterName."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtWidgets import QAbstractButton, QComboBox, QDoubleSpinBox, QLineEdit, QSpinBox, QWidget
from vtkmodules.vtkCommonCore import vtkCommand

from host.ctk_widgets import ctkSliderWidget
from host.mrml_widgets import qMRMLNodeComboBox

# Class of widget: the signal of a change, how it is read, how it is written.
Access = tuple[str, Callable[[Any], Any], Callable[[Any, Any], None]]
ACCESS: dict[type, Access] = {
    qMRMLNodeComboBox: ("currentNodeChanged", lambda w: w.currentNode(), lambda w, v: w.setCurrentNode(v)),
    ctkSliderWidget: ("valueChanged", lambda w: w.value, lambda w, v: w.setValue(v)),
    QAbstractButton: ("toggled", lambda w: w.checked, lambda w, v: w.setChecked(v)),
    QComboBox: ("currentTextChanged", lambda w: w.currentText, lambda w, v: w.setCurrentText(v)),
    QDoubleSpinBox: ("valueChanged", lambda w: w.value, lambda w, v: w.setValue(v)),
    QSpinBox: ("valueChanged", lambda w: w.value, lambda w, v: w.setValue(v)),
    QLineEdit: ("textChanged", lambda w: w.text, lambda w, v: w.setText(v)),
}


def connect_widgets(wrapper: Any, top: QWidget) -> Callable[[], None]:
    """Keep widgets and parameter node alike; returns how to stop."""
    bound = [_bound(wrapper, widget) for widget in top.findChildren(QWidget) if widget.property("SlicerParameterName")]

    def show(*_: Any) -> None:
        for widget, name, (_signal, read, write) in bound:
            if read(widget) != getattr(wrapper, name):
                write(widget, getattr(wrapper, name))

    slots = [_connect(wrapper, *binding) for binding in bound]
    show()
    tag = wrapper.AddObserver(vtkCommand.ModifiedEvent, show)

    def stop() -> None:
        wrapper.RemoveObserver(tag)
        for signal, slot in slots:
            signal.disconnect(slot)

    return stop


def _bound(wrapper: Any, widget: QWidget) -> tuple[QWidget, str, Access]:
    access = next((access for kind, access in ACCESS.items() if isinstance(widget, kind)), None)
    if access is None:
        raise RuntimeError(f"No connection of a parameter to a {type(widget).__name__}")
    name = widget.property("SlicerParameterName")
    parameter = vars(type(wrapper))[name]
    if isinstance(widget, ctkSliderWidget) and not parameter.checks:
        raise RuntimeError(f"{name} is bound to a slider and has no bounds")
    return widget, name, access


def _connect(wrapper: Any, widget: QWidget, name: str, access: Access) -> tuple[Any, Callable[..., None]]:
    signal_name, read, _write = access

    def store(*_: Any) -> None:
        if getattr(wrapper, name) != read(widget):
            setattr(wrapper, name, read(widget))

    signal = getattr(widget, signal_name)
    signal.connect(store)
    return signal, store
