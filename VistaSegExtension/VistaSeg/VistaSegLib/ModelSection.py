"""Which volume, where results go, which models; what is ready, what is not, on which device."""

from __future__ import annotations

from slicer.i18n import tr as _

from vistaseg.errors import VistaSegError
from VistaSegLib import Examination, Fetching, Installation
from VistaSegLib.DeviceLine import DeviceLine
from VistaSegLib.Later import Later
from VistaSegLib.Models import CHOICES, choices, known, lookAgain
from VistaSegLib.Readiness import Readiness, readinessOf
from VistaSegLib.SegmentationOfVolume import otherScanNote
from VistaSegLib.ShownScans import ShownScans, scanInstead
from VistaSegLib.Ui import loadUi


class ModelSection:
    """The selectors at the top of the panel."""

    def __init__(self, selection, workspace) -> None:
        self._selection, self._workspace = selection, workspace
        self.widget, self.ui = loadUi("ModelSection")
        self._device = DeviceLine(workspace)
        self._choice, self._readiness = "", Readiness("")
        self._choices: list[str] = []
        self._addChoices(CHOICES)
        self.ui.volumeSelector.currentNodeChanged.connect(self._onVolume)
        self.ui.segmentationSelector.currentNodeChanged.connect(self._onSegmentation)
        self.ui.modelSelector.currentIndexChanged.connect(self._onModel)
        self.ui.shownButton.clicked.connect(self._onShown)
        self._shown = ShownScans(self._showScans)
        self.ui.actionButton.clicked.connect(self._onAction)
        self.ui.deviceButton.clicked.connect(self._onDevice)
        self.ui.examineButton.clicked.connect(self._onExamine)
        self.update()
        self._offered = Later(lambda: self._addChoices(choices()))
        self._offered.start()

    @property
    def obstacle(self) -> str:
        """What has to be done before anything can be segmented, or nothing."""
        if self._selection.volumeNode is None:
            return _("Choose a CT volume first.")
        return self._readiness.obstacle

    def update(self) -> None:
        parameters = self._selection.parameters
        self.widget.setEnabled(parameters is not None)
        if parameters is not None:
            self._showChoice(known(parameters.modelChoice))
            self._showNode(self.ui.volumeSelector, self._selection.volumeNode)
            self._showNode(self.ui.segmentationSelector, self._selection.segmentationNode)
        self._showScans()
        self._device.update()
        self.ui.deviceLabel.text = self._device.text(self._selection.volumeNode)
        self.ui.deviceButton.setVisible(not self._device.known and not self._readiness.packages)
        self.ui.examineButton.setVisible(not self._readiness.packages)

    def refresh(self) -> None:
        """Look again at what is ready on this machine."""
        lookAgain()
        self._choice = ""
        self._workspace.models = self._selection.models
        self.update()

    def cleanup(self) -> None:
        self._offered.stop()
        self._shown.close()
        self.widget.setMRMLScene(None)

    def _showChoice(self, choice: str) -> None:
        """Looks at the disk, and so only where another model was chosen."""
        if choice == self._choice:
            return
        self._choice = choice
        self._readiness = readiness = readinessOf(choice)
        if choice not in self._choices:
            self._addChoices(choices())
        self.ui.modelSelector.setCurrentIndex(self._choices.index(choice))
        self.ui.statusLabel.text = readiness.text
        self.ui.actionButton.setVisible(readiness.packages or readiness.entry is not None)
        self.ui.actionButton.text = _("Install...") if readiness.packages else _("Fetch...")

    def _addChoices(self, found) -> None:
        for key, choice in found.items():
            if key not in self._choices:
                self._choices.append(key)
                self.ui.modelSelector.addItem(choice.title)

    def _showScans(self) -> None:
        """Say where the slice views show another scan than the one that is worked on."""
        volume = self._selection.volumeNode
        other = scanInstead(volume)
        for widget in (self.ui.shownLabel, self.ui.shownButton):
            widget.setVisible(other is not None)
        if other is not None:
            self.ui.shownLabel.text = _("⚠ The slice views show {other}, not {volume}.").format(
                other=other.GetName(), volume=volume.GetName()
            )
            self.ui.shownButton.text = _("Use {other}").format(other=other.GetName())

    def _onShown(self, *_unused) -> None:
        other = scanInstead(self._selection.volumeNode)
        if other is not None:
            self._selection.volumeNode = other

    def _showNode(self, selector, node) -> None:
        if selector.currentNode() is not node:
            selector.setCurrentNode(node)

    def _onVolume(self, node) -> None:
        if self._selection.parameters is not None and node is not self._selection.volumeNode:
            self._selection.volumeNode = node

    def _onSegmentation(self, node) -> None:
        if self._selection.parameters is not None and node is not self._selection.segmentationNode:
            self._workspace.messages.begin()  # what was said of the one before is over
            self._selection.segmentationNode = node
            note = otherScanNote(node, self._selection.volumeNode)
            if note:
                self._workspace.messages.add("warning", note)

    def _onModel(self, index) -> None:
        choice = self._choices[index]
        if self._selection.parameters is not None and choice != self._selection.parameters.modelChoice:
            self._selection.parameters.modelChoice = choice

    def _onAction(self, *_) -> None:
        if self._readiness.packages:
            self._install()
            return
        entry = self._readiness.entry
        if entry is not None and Fetching.accepted(entry):
            Fetching.fetchInBackground(self._workspace, entry, self.refresh)

    def _install(self) -> None:
        try:
            Installation.install()
        except VistaSegError as error:
            self._workspace.messages.add_error(error)
        self.refresh()

    def _onExamine(self, *_) -> None:
        Examination.examineInBackground(self._workspace)

    def _onDevice(self, *_) -> None:
        self._device.look()
