"""One structure at a time: by clicks, boxes and names, corrected by more of them."""

from __future__ import annotations

import qt
from slicer.i18n import tr as _

from vistaseg.errors import VistaSegError
from vistaseg.mrml.markups import box_of
from vistaseg.mrml.transforms import to_local
from vistaseg.mrml.views import require_shown
from vistaseg.prompts import Point, Prompt, Text
from VistaSegLib.ClickKind import ClickKindCombo
from VistaSegLib.Later import Later
from VistaSegLib.Prompting import Prompting
from VistaSegLib.PromptList import PromptList
from VistaSegLib.PromptMarkers import PromptMarkers
from VistaSegLib.PromptPlacing import PromptPlacing
from VistaSegLib.SegmentCombo import SegmentCombo
from VistaSegLib.SegmentWatch import SegmentWatch
from VistaSegLib.Shortcuts import Shortcuts
from VistaSegLib.StructureChoice import names
from VistaSegLib.Ui import icon, loadUi
from VistaSegLib.VolumeChoice import whyNotSegmentable

ICONS = {
    "positiveButton": "PositiveClick",
    "negativeButton": "NegativeClick",
    "boxButton": "Box",
    "nextButton": "NextObject",
    "undoButton": "Undo",
    "redoButton": "Redo",
}


class InteractiveSection:
    """Places prompts and shows them; `Prompting` asks them."""

    def __init__(self, selection, workspace) -> None:
        self._selection, self._workspace = selection, workspace
        self.widget, self.ui = loadUi("InteractiveSection")
        self._prompting = Prompting(selection, workspace)
        self._placing = PromptPlacing(self._onPoint, self._onBox, self._showButtons)
        self._markers = PromptMarkers()
        self._segments = SegmentCombo(self.ui.segmentCombo, selection)
        self._kind = ClickKindCombo(self.ui.kindCombo, selection)
        self._list = PromptList(self.ui.promptTree, self._showButtons)
        self._placeButtons = {
            "positive": self.ui.positiveButton,
            "negative": self.ui.negativeButton,
            "box": self.ui.boxButton,
        }
        self._shortcuts = Shortcuts(self.widget, self._actions())
        self._completer = _addCompleter(self.ui.textLine)
        self._answered: tuple[Prompt, ...] = ()
        self._entered = False
        self._volumeNode = None
        self._connect()
        # Not in the middle of a result that is being written.
        self._tidying = Later(self._prompting.tidy)
        self._watch = SegmentWatch(self.update)
        self.update()

    def update(self) -> None:
        parameters = self._selection.parameters
        self.ui.section.setEnabled(parameters is not None)
        self._watch.follow(self._selection.segmentationNode)
        volume, self._volumeNode = self._volumeNode, self._selection.volumeNode
        if parameters is None or self._volumeNode is None or self._volumeNode is not volume:
            self._placing.stop()  # what was meant for one scan is not placed in the next
        self._tidying.start()
        self._segments.update()
        self._kind.update()
        self.ui.answerAtOnceBox.setChecked(parameters is None or parameters.answerAtOnce)
        self._answered = self._prompting.answered
        self._showPrompts()
        self._showButtons()

    def enter(self) -> None:
        """The panel is shown: its keys work over the slice views."""
        self._entered = True
        self._shortcuts.start()
        self._showPrompts()

    def exit(self) -> None:
        """The panel is hidden: keys and clicks are the application's again."""
        self._entered = False
        self._shortcuts.stop()
        self._placing.stop()
        self._showPrompts()

    def cleanup(self) -> None:
        """Take everything out of the scene that was put there to be looked at."""
        self._shortcuts.stop()
        self._watch.close()
        self._tidying.stop()
        self._prompting.close()
        self._placing.close()
        self._markers.close()

    def _connect(self) -> None:
        ui = self.ui
        for name, iconName in ICONS.items():
            getattr(ui, name).icon = icon(iconName)
        for kind, button in self._placeButtons.items():
            button.clicked.connect(lambda *_, kind=kind: self._togglePlacing(kind))
        ui.nextButton.clicked.connect(lambda *_: self._nextObject())
        ui.textLine.returnPressed.connect(self._onText)
        ui.answerAtOnceBox.toggled.connect(self._onAnswerAtOnce)
        ui.answerButton.clicked.connect(lambda *_: self._answer())
        ui.undoButton.clicked.connect(lambda *_: self._undo())
        ui.redoButton.clicked.connect(lambda *_: self._redo())
        ui.removeButton.clicked.connect(lambda *_: self._remove())
        ui.clearButton.clicked.connect(lambda *_: self._clear())
        ui.showButton.toggled.connect(lambda *_: self._showPrompts())

    def _actions(self) -> dict:
        return {
            "A": lambda: self._togglePlacing("positive"),
            "S": lambda: self._togglePlacing("negative"),
            "X": lambda: self._togglePlacing("box"),
            "N": self._nextObject,
            "D": self._answer,
            "U": self._undo,
            "Shift+U": self._redo,
        }

    def whyNot(self) -> str:
        """Why nothing can be prompted now, in one line; nothing where it can."""
        if not self._workspace.models:
            return _("No model is ready: see above.")
        return whyNotSegmentable(self._selection.volumeNode)

    def _togglePlacing(self, kind: str) -> None:
        if self._placing.kind == kind:
            self._placing.stop()
        elif not self.whyNot():
            self._placing.start(kind)
        self._showButtons()

    def _onPoint(self, world, positive: bool, sliceNodes) -> None:
        self._askIn(sliceNodes, lambda: Point(to_local(self._selection.volumeNode, world), positive))

    def _onBox(self, roiNode, sliceNodes) -> None:
        self._askIn(sliceNodes, lambda: box_of(roiNode, self._selection.volumeNode))

    def _onText(self, *_) -> None:
        if not self.whyNot():
            text = self.ui.textLine.text
            self.ui.textLine.clear()
            self._ask(lambda: Text(text))

    def _askIn(self, sliceNodes, makePrompt) -> None:
        def makeWhereShown() -> Prompt:
            require_shown(sliceNodes, self._selection.volumeNode)
            return makePrompt()

        self._ask(makeWhereShown)

    def _ask(self, makePrompt) -> None:
        try:
            self._prompting.ask(makePrompt())
        except VistaSegError as error:
            self._workspace.messages.add_error(error)
        self.update()

    def _answer(self) -> None:
        self._prompting.answer()
        self.update()

    def _onAnswerAtOnce(self, checked) -> None:
        if self._selection.parameters is not None:
            self._selection.parameters.answerAtOnce = bool(checked)
            if checked:
                self._answer()

    def _nextObject(self) -> None:
        if self._selection.parameters is not None:
            self._selection.segmentId = ""

    def _undo(self) -> None:
        self._step(self._selection.editing.undo)

    def _redo(self) -> None:
        self._step(self._selection.editing.redo)

    def _step(self, go) -> None:
        self._workspace.messages.begin()
        try:
            self._workspace.messages.tell(go())
        except VistaSegError as error:
            self._workspace.messages.add_error(error)
        self.update()

    def _remove(self) -> None:
        if self._list.chosen is not None:
            self._prompting.remove(self._list.chosen)
            self.update()

    def _clear(self) -> None:
        self._prompting.clear()
        self.update()

    def _showPrompts(self) -> None:
        waiting = self._prompting.waiting
        self._list.show(self._answered, waiting)
        # The effect of the Segment Editor shows them, too, when the panel is left.
        if self._entered and self.ui.showButton.checked:
            self._markers.show((*self._answered, *waiting), self._selection.volumeNode)
        else:
            self._markers.close()

    def _showButtons(self) -> None:
        ui, editing, reason = self.ui, self._selection.editing, self.whyNot()
        for kind, button in self._placeButtons.items():
            button.setEnabled(not reason)
            button.setChecked(self._placing.kind == kind)
        ui.textLine.setEnabled(not reason)
        ui.undoButton.setEnabled(editing.canUndo)
        ui.redoButton.setEnabled(editing.canRedo)
        waiting = self._prompting.waiting
        ui.removeButton.setEnabled(self._list.chosen is not None)
        ui.clearButton.setEnabled(bool(waiting or self._answered))
        ui.answerButton.setEnabled(bool(waiting))
        ui.answerButton.text = answerText(len(waiting))
        ui.reasonLabel.text = reason
        ui.reasonLabel.setVisible(bool(reason))


def answerText(count: int) -> str:
    """What the button will do."""
    if count == 1:
        return _("Answer 1 prompt")
    return _("Answer {count} prompts").format(count=count) if count else _("Answer")


def _addCompleter(line):
    completer = qt.QCompleter(names())
    completer.caseSensitivity = qt.Qt.CaseInsensitive
    completer.filterMode = qt.Qt.MatchContains
    line.setCompleter(completer)
    return completer
