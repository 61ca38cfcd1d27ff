"""The structures by group, each with its colour and a check."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import qt
from slicer.i18n import tr as _

from VistaSegLib.StructureChoice import listedGroups
from VistaSegLib.Swatch import swatch

ID = qt.Qt.UserRole


class StructureTree:
    """Fills a tree of one column.

    A check on a group is one on those of its structures that are shown and can be segmented; what a search hides
    keeps its check.

    Args:
        tree: a QTreeWidget.
        onChanged: called after the user has checked or unchecked something.
    """

    def __init__(self, tree, onChanged: Callable[[], None]) -> None:
        self._tree, self._onChanged = tree, onChanged
        self._items: dict[int, Any] = {}
        self._groups = [self._addGroup(title, structures) for title, structures in listedGroups()]
        self._known: frozenset[int] = frozenset(self._items)
        tree.itemChanged.connect(self._onItemChanged)

    @property
    def checked(self) -> frozenset[int]:
        """Ids that are checked, whether they are shown or not."""
        return frozenset(key for key, item in self._items.items() if item.checkState(0) == qt.Qt.Checked)

    def setChecked(self, ids: Collection[int]) -> None:
        """Check these and no others, without a signal."""
        if self.checked == ids:
            return
        with _Silence(self._tree):
            for structureId, item in self._items.items():
                item.setCheckState(0, qt.Qt.Checked if structureId in ids else qt.Qt.Unchecked)
            self._updateGroups()

    def setKnown(self, ids: frozenset[int]) -> None:
        """Enable these and no others; what is disabled keeps its check."""
        if ids == self._known:
            return
        self._known = ids
        with _Silence(self._tree):
            for structureId, item in self._items.items():
                _enable(item, structureId in ids)
            self._updateGroups()

    def show(self, ids: Collection[int] | None) -> None:
        """Show only these, with their groups open; None shows all, with their groups closed."""
        for group in self._groups:
            shown = 0
            for item in _children(group):
                hidden = ids is not None and item.data(0, ID) not in ids
                item.setHidden(hidden)
                shown += not hidden
            group.setHidden(not shown)
            group.setExpanded(ids is not None)

    def _addGroup(self, title: str, structures):
        group = qt.QTreeWidgetItem(self._tree, [title])
        group.setCheckState(0, qt.Qt.Unchecked)
        group.setData(0, ID, 0)
        for structure in structures:
            item = self._items[structure.id] = qt.QTreeWidgetItem(group, [structure.name])
            item.setIcon(0, swatch(structure.color))
            item.setCheckState(0, qt.Qt.Unchecked)
            item.setData(0, ID, structure.id)
        return group

    def _onItemChanged(self, item, column) -> None:
        with _Silence(self._tree):
            if not item.data(0, ID):
                _checkChildren(item, item.checkState(0))
            self._updateGroups()
        self._onChanged()

    def _updateGroups(self) -> None:
        for group in self._groups:
            group.setCheckState(0, _commonState(group))


class _Silence:
    """Keeps a widget from telling what is done to it."""

    def __init__(self, widget) -> None:
        self._widget = widget

    def __enter__(self) -> None:
        self._widget.blockSignals(True)

    def __exit__(self, *_) -> None:
        self._widget.blockSignals(False)


def _children(group) -> list:
    return [group.child(place) for place in range(group.childCount())]


def _enable(item, enabled: bool) -> None:
    item.setDisabled(not enabled)
    item.setToolTip(0, "" if enabled else _("The chosen model was not trained for this structure."))


def _checkChildren(group, state) -> None:
    for item in _children(group):
        if not item.isDisabled() and not item.isHidden():
            item.setCheckState(0, state)


def _commonState(group):
    """Of the structures that can be segmented; partial where they differ."""
    states = [item.checkState(0) == qt.Qt.Checked for item in _children(group) if not item.isDisabled()]
    if not any(states):
        return qt.Qt.Unchecked
    return qt.Qt.Checked if all(states) else qt.Qt.PartiallyChecked
