"""Stand-ins for the widgets of the Common Toolkit that the panel uses."""

from __future__ import annotations

from PySide6.QtCore import Property, QEvent, QRect, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPaintEvent
from PySide6.QtWidgets import (
    QDoubleSpinBox,
    QHBoxLayout,
    QSizePolicy,
    QSlider,
    QStyle,
    QStyleOption,
    QStyleOptionButton,
    QStylePainter,
    QWidget,
)

HEADER = 24


class ctkCollapsibleButton(QWidget):
    """A header that folds what is below it."""

    contentsCollapsed = Signal(bool)
    toggled = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text, self._collapsed = "", False
        self.setContentsMargins(0, HEADER, 0, 0)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)

    def _get_text(self) -> str:
        return self._text

    def _set_text(self, text: str) -> None:
        self._text = text
        self.update()

    def _get_collapsed(self) -> bool:
        return self._collapsed

    def setCollapsed(self, collapsed: bool) -> None:
        if collapsed == self._collapsed:
            return
        self._collapsed = collapsed
        for child in self.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly):
            child.setVisible(not collapsed)
        self.setMaximumHeight(HEADER if collapsed else 16777215)
        self.contentsCollapsed.emit(collapsed)
        self.toggled.emit(not collapsed)

    text = Property(str, _get_text, _set_text)
    collapsed = Property(bool, _get_collapsed, setCollapsed)

    def minimumSizeHint(self) -> QSize:
        return QSize(120, HEADER) if self._collapsed else super().minimumSizeHint()

    def sizeHint(self) -> QSize:
        return QSize(120, HEADER) if self._collapsed else super().sizeHint()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.position().y() < HEADER:
            self.setCollapsed(not self._collapsed)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter, box = QStylePainter(self), QRect(0, 0, self.width, HEADER)
        button = QStyleOptionButton()
        button.initFrom(self)
        button.rect = box
        painter.drawControl(QStyle.ControlElement.CE_PushButtonBevel, button)
        arrow = QStyleOption()
        arrow.initFrom(self)
        arrow.rect = QRect(6, 6, 12, 12)
        kind = QStyle.PrimitiveElement
        painter.drawPrimitive(kind.PE_IndicatorArrowRight if self._collapsed else kind.PE_IndicatorArrowDown, arrow)
        painter.drawText(box.adjusted(24, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, self._text)


class ctkSliderWidget(QWidget):
    """A slider beside a box with its number."""

    valueChanged = Signal(float)
    STEPS = 1000

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._slider, self._box = QSlider(Qt.Orientation.Horizontal), QDoubleSpinBox()
        self._slider.setRange(0, self.STEPS)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._slider)
        layout.addWidget(self._box)
        self._slider.valueChanged.connect(lambda step: self.setValue(self._value_of(step)))
        self._box.valueChanged.connect(self._tell)

    def _value_of(self, step: int) -> float:
        return self._box.minimum + step * (self._box.maximum - self._box.minimum) / self.STEPS

    def _tell(self, value: float) -> None:
        span = self._box.maximum - self._box.minimum
        self._slider.blockSignals(True)
        self._slider.setValue(round(self.STEPS * (value - self._box.minimum) / span) if span else 0)
        self._slider.blockSignals(False)
        self.valueChanged.emit(value)

    def setValue(self, value: float) -> None:
        self._box.setValue(value)

    value = Property(float, lambda self: self._box.value, setValue)
    minimum = Property(float, lambda self: self._box.minimum, lambda self, value: self._box.setMinimum(value))
    maximum = Property(float, lambda self: self._box.maximum, lambda self, value: self._box.setMaximum(value))
    singleStep = Property(float, lambda self: self._box.singleStep, lambda self, value: self._box.setSingleStep(value))
    decimals = Property(int, lambda self: self._box.decimals, lambda self, value: self._box.setDecimals(value))
    suffix = Property(str, lambda self: self._box.suffix, lambda self, value: self._box.setSuffix(value))


WIDGETS = (ctkCollapsibleButton, ctkSliderWidget)
