"""The options of the effect, below the effects in the Segment Editor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from SegmentEditorVistaSegLib.Gestures import Tool
from vistaseg import catalog
from vistaseg.prompts import Point, Prompt, RegionOfInterest
from vistaseg.session.identifying import Identification
from vistaseg.workspace import Workspace
from VistaSegLib.ClickKind import kindTexts, showKind
from VistaSegLib.MessageSection import MessageSection
from VistaSegLib.ProgressSection import ProgressSection

UI = Path(__file__).resolve().parents[1] / "Resources" / "UI" / "Options.ui"
MOST_NAMES = 8


class Options:
    """Buttons and what they show; what they do is given to `connect`.

    Args:
        workspace: whose progress and messages are shown below.

    Attributes:
        widgets: from top to bottom.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.widget = slicer.util.loadUI(str(UI))
        self.ui = slicer.util.childWidgetVariables(self.widget)
        self.ui.namesFrame.setVisible(False)
        self.ui.kindCombo.addItems(kindTexts())
        self.sections = [kind(None, workspace) for kind in (ProgressSection, MessageSection)]
        self.widgets = [self.widget, *(section.widget for section in self.sections)]
        completer = qt.QCompleter([structure.name for structure in catalog.structures() if structure.supported])
        completer.filterMode = qt.Qt.MatchContains
        completer.caseSensitivity = qt.Qt.CaseInsensitive
        self.ui.textLine.setCompleter(completer)

    @property
    def tool(self) -> Tool:
        """What the left mouse button does."""
        return "scribble" if self.ui.scribbleButton.checked else "point"

    @property
    def removing(self) -> bool:
        """Whether a click removes."""
        return self.ui.removeButton.checked

    @property
    def previewing(self) -> bool:
        """Whether answers are to be looked at before they are written."""
        return self.ui.previewCheckBox.checked

    def connect(self, signals: dict[str, Callable[[], None]]) -> None:
        """Call functions without arguments at signals, each given as "widget.signal"."""
        for name, function in signals.items():
            widget, signal = name.split(".")
            getattr(getattr(self.ui, widget), signal).connect(lambda *_, function=function: function())

    def takeText(self) -> str:
        """What was typed; the line is empty afterwards."""
        text = self.ui.textLine.text
        self.ui.textLine.clear()
        return text.strip()

    @property
    def kind(self) -> int:
        """What clicks are on, see `ClickKind`."""
        return self.ui.kindCombo.currentIndex

    def showKind(self, kind: int | None) -> None:
        """Show what clicks on the segment are on; None where the class leaves no choice."""
        showKind(self.ui.kindCombo, kind)

    def show(self, prompts: Sequence[Prompt], picked: int | None, meant: str, proposed: bool, usable: bool) -> None:
        """Show what can be done.

        Args:
            picked: place of the prompt that is picked, if any.
            meant: the structure that Auto would segment, or nothing.
            proposed: whether there is a preview to be decided on.
            usable: whether there is a segment to work on.
        """
        ui = self.ui
        ui.promptsLabel.text = _summary(prompts, picked)
        ui.deleteButton.setEnabled(picked is not None)
        ui.clearButton.setEnabled(bool(prompts))
        ui.autoButton.text = _("Auto: {structure}").format(structure=meant) if meant else _("Auto")
        ui.autoButton.setEnabled(bool(meant))
        for widget in (ui.textLine, ui.textButton, ui.whatButton):
            widget.setEnabled(usable)
        ui.acceptButton.setEnabled(proposed)
        ui.refuseButton.setEnabled(proposed)
        ui.decisionFrame.setVisible(proposed or self.previewing)
        for section in self.sections:
            section.update()

    def cleanup(self) -> None:
        """Let go of what outlives the widgets."""
        for section in self.sections:
            section.cleanup()

    def showNames(self, names: Sequence[Identification]) -> None:
        """List what a segment may be, the likeliest first."""
        self.ui.namesList.clear()
        for name in names[:MOST_NAMES]:
            item = qt.QListWidgetItem(f"{name.name} · {round(100 * name.value)} % {_MEASURES[name.measure]}")
            item.setData(qt.Qt.UserRole, name.name)
            self.ui.namesList.addItem(item)
        self.ui.namesList.setCurrentRow(0)
        self.ui.namesFrame.setVisible(bool(names))

    def takeName(self) -> str:
        """The name that is chosen, or nothing; the list is closed."""
        item = self.ui.namesList.currentItem()
        self.ui.namesFrame.setVisible(False)
        return "" if item is None else item.data(qt.Qt.UserRole)


_MEASURES = {"overlap": _("overlap"), "probability": _("likely")}


def _summary(prompts: Sequence[Prompt], picked: int | None) -> str:
    if not prompts:
        return _("No prompts on this segment.")
    signs = [f"[{_sign(prompt)}]" if index == picked else _sign(prompt) for index, prompt in enumerate(prompts)]
    return _("Prompts: {signs}").format(signs="  ".join(signs))


def _sign(prompt: Prompt) -> str:
    if isinstance(prompt, Point):
        return "+" if prompt.positive else "−"
    return "▭" if isinstance(prompt, RegionOfInterest) else f"“{prompt.text}”"
