"""Structures by name, all of them in one go."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import qt
from slicer.i18n import tr as _

from vistaseg import catalog
from vistaseg.errors import VistaSegError
from VistaSegLib import Unanswered
from VistaSegLib.RegionChoice import KINDS, fitToVolume, kindTexts, regionOf
from VistaSegLib.StructureChoice import idsFound, idsKnownTo, idsOf, textOf
from VistaSegLib.StructureTree import StructureTree
from VistaSegLib.Ui import loadUi
from VistaSegLib.VolumeChoice import whyNotSegmentable

LAST_CHOICE = "VistaSeg/LastStructures"


class AutomaticSection:
    """A searchable tree of structures, a region, and the button that says what it will do."""

    def __init__(self, selection, workspace) -> None:
        self._selection, self._workspace = selection, workspace
        self.widget, self.ui = loadUi("AutomaticSection")
        self._tree = StructureTree(self.ui.structureTree, self._onChecked)
        self._shown: tuple[tuple[str, ...], str] = ((), "")
        self._presets = _fillPresets(self.ui.presetCombo)
        self.ui.regionCombo.addItems(list(kindTexts().values()))
        self.ui.searchLine.textChanged.connect(self._onSearch)
        self.ui.presetCombo.currentIndexChanged.connect(self._onPreset)
        self.ui.regionCombo.currentIndexChanged.connect(self._onRegionKind)
        self.ui.regionSelector.currentNodeChanged.connect(self._onRegionNode)
        self.ui.regionSelector.nodeAddedByUser.connect(self._onRegionAdded)
        self.ui.segmentButton.clicked.connect(self._onSegment)
        self.update()

    def update(self) -> None:
        parameters = self._selection.parameters
        self.ui.section.setEnabled(parameters is not None)
        if parameters is None:
            return
        self._showTree(self._workspace.models, parameters.classIds)
        self.ui.regionCombo.setCurrentIndex(KINDS.index(parameters.regionKind))
        self.ui.regionSelector.setVisible(parameters.regionKind == "roi")
        self.ui.regionSelector.setCurrentNode(parameters.region)
        self._showButton()

    def cleanup(self) -> None:
        """Let go of the scene."""
        self.widget.setMRMLScene(None)

    @property
    def chosen(self) -> list[int]:
        """Ids that are checked and that the model knows, in the order of the catalogue."""
        return sorted(idsOf(self._selection.parameters.classIds) & idsKnownTo(self._workspace.models))

    def whyNot(self) -> str:
        """Why the button cannot be used, in one line; nothing where it can."""
        if not self._workspace.models:
            return _("No model is ready: see above.")
        if not idsKnownTo(self._workspace.models):
            return _("The chosen model knows no list of structures: name one below, or choose VISTA3D.")
        problem = whyNotSegmentable(self._selection.volumeNode)
        if problem:
            return problem
        if self._selection.parameters.regionKind == "roi" and self._selection.parameters.region is None:
            return _("Choose or make a box for the region.")
        return "" if self.chosen else _("Check at least one structure.")

    def _showTree(self, models: tuple[str, ...], classIds: str) -> None:
        if (models, classIds) != self._shown:
            self._shown = (models, classIds)
            self._tree.setKnown(idsKnownTo(models))
            self._tree.setChecked(idsOf(classIds))

    def _showButton(self) -> None:
        reason = self.whyNot()
        self.ui.segmentButton.text = buttonText(self.chosen)
        self.ui.segmentButton.setEnabled(not reason)
        self.ui.reasonLabel.text = reason
        self.ui.reasonLabel.setVisible(bool(reason))

    def _onChecked(self) -> None:
        self._selection.parameters.classIds = textOf(self._tree.checked)

    def _onSearch(self, *_) -> None:
        self._tree.show(idsFound(self.ui.searchLine.text))

    def _onPreset(self, *_) -> None:
        place = self.ui.presetCombo.currentIndex
        if place > 0:
            self._selection.parameters.classIds = textOf(self._presets[place - 1]())
            self.ui.presetCombo.setCurrentIndex(0)

    def _onRegionKind(self, *_) -> None:
        if self._selection.parameters is not None:
            self._selection.parameters.regionKind = KINDS[self.ui.regionCombo.currentIndex]

    def _onRegionNode(self, node) -> None:
        if self._selection.parameters is not None and self._selection.parameters.regionKind == "roi":
            self._selection.parameters.region = node

    def _onRegionAdded(self, node) -> None:
        if self._selection.volumeNode is not None:
            fitToVolume(node, self._selection.volumeNode)

    def _onSegment(self, *_) -> None:
        ids = self.chosen
        qt.QSettings().setValue(LAST_CHOICE, textOf(ids))
        try:
            self._segment(ids)
        except VistaSegError as error:
            self._workspace.messages.add_error(error)

    def _segment(self, ids: list[int]) -> None:
        parameters, volume = self._selection.parameters, self._selection.volumeNode
        region = regionOf(parameters.regionKind, parameters.region, volume)
        segmentation = self._selection.requireSegmentationNode()
        try:
            writer = self._selection.editing.writer()
            self._workspace.segment(volume, segmentation, ids, region, writer=writer, on_ended=self._tidy)
        except VistaSegError:
            self._tidy()
            raise

    def _tidy(self) -> None:
        if self._workspace.task is None:
            Unanswered.tidy(self._selection.removeSegmentation)


def buttonText(ids: list[int]) -> str:
    """What the button will do."""
    if len(ids) == 1:
        return _("Segment {name}").format(name=catalog.get(ids[0]).name)
    return _("Segment {count} structures").format(count=len(ids)) if ids else _("Segment")


def _fillPresets(combo) -> list[Callable[[], Iterable[int]]]:
    """Fill the selector of presets; what gives the ids of each line after the first."""
    presets = list(catalog.presets().values())
    combo.addItems([_("Preset"), _("None"), _("What I chose last"), *(preset.title for preset in presets)])
    return [tuple, _lastChoice, *((lambda ids=preset.ids: ids) for preset in presets)]


def _lastChoice() -> frozenset[int]:
    return idsOf(str(qt.QSettings().value(LAST_CHOICE, "") or ""))
