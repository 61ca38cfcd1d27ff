"""The prompts of the chosen segment, one per row, in order."""

from __future__ import annotations

from collections.abc import Callable

import qt
from slicer.i18n import tr as _

from vistaseg.prompts import Point, Prompt, Text
from VistaSegLib.MarkupsNodes import COLORS
from VistaSegLib.Swatch import swatch


class PromptList:
    """Fills a tree of one column.

    Args:
        tree: a QTreeWidget.
        onChosen: called when another row is chosen.
    """

    def __init__(self, tree, onChosen: Callable[[], None]) -> None:
        self._tree = tree
        self._shown: tuple = ((), ())
        tree.itemSelectionChanged.connect(onChosen)

    @property
    def chosen(self) -> int | None:
        """Place of the chosen row, or None."""
        items = self._tree.selectedItems()
        return self._tree.indexOfTopLevelItem(items[0]) if items else None

    def show(self, answered: tuple[Prompt, ...], waiting: tuple[Prompt, ...]) -> None:
        """List the prompts; those that wait are marked."""
        if (answered, waiting) == self._shown:
            return
        self._shown = (answered, waiting)
        self._tree.clear()
        for number, prompt in enumerate((*answered, *waiting), start=1):
            item = qt.QTreeWidgetItem(self._tree, [f"{number}  {describe(prompt)}"])
            item.setIcon(0, swatch(_color(prompt)))
            if number > len(answered):
                item.setText(0, _("{prompt} (waits for an answer)").format(prompt=item.text(0)))


def describe(prompt: Prompt) -> str:
    """A prompt in a word or two; a sign says more than a colour to some."""
    if isinstance(prompt, Text):
        return f"“{prompt.text}”"
    if isinstance(prompt, Point):
        return _("+ click") if prompt.positive else _("− click")
    return _("box")


def _color(prompt: Prompt) -> tuple[int, int, int]:
    if isinstance(prompt, Text):
        return (120, 120, 120)
    kind = ("positive" if prompt.positive else "negative") if isinstance(prompt, Point) else "box"
    red, green, blue = (round(value * 255) for value in COLORS[kind])
    return red, green, blue
