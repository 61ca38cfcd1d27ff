"""Segments out of Slicer: as DICOM segmentation, to a folder, to the DICOM database, with a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import qt
from slicer.i18n import tr as _

from vistaseg.errors import VistaSegError
from vistaseg.mrml.dicom_images import instance_uids_of, open_database
from VistaSegLib import Installation
from VistaSegLib.ExportOptions import ExportOptions, folderNamed, whyNotExportable
from VistaSegLib.Ui import loadUi

if TYPE_CHECKING:
    from VistaSegLib.Exporting import Exporting

FOLDER = "VistaSeg/ExportFolder"
OWN_IMAGES, DERIVED_IMAGES = range(2)


class ExportSection:
    """Says what is missing before it starts, and checks it again when it does."""

    def __init__(self, selection, workspace) -> None:
        self._selection, self._workspace = selection, workspace
        self._seen: tuple = ()
        self.widget, self.ui = loadUi("ExportSection")
        self.ui.imagesCombo.addItems([_("Images it was loaded from"), _("New CT series made from it")])
        self.ui.folderLine.text = str(qt.QSettings().value(FOLDER, "") or "")
        self.ui.databaseBox.setChecked(open_database() is not None)
        ui = self.ui
        for box in (ui.visibleBox, ui.labelmapBox, ui.deflateBox, ui.reportBox, ui.databaseBox):
            box.toggled.connect(self._onOption)
        self.ui.imagesCombo.currentIndexChanged.connect(self._onOption)
        self.ui.folderLine.textChanged.connect(self._onOption)
        self.ui.section.toggled.connect(self._onOption)
        self.ui.folderButton.clicked.connect(self._onFolder)
        self.ui.installButton.clicked.connect(self._onInstall)
        self.ui.exportButton.clicked.connect(self._onExport)
        self.ui.tableButton.clicked.connect(self._onTable)
        self.ui.section.collapsed = True
        self.update()

    @property
    def options(self) -> ExportOptions:
        """What is chosen."""
        ui = self.ui
        return ExportOptions(
            folderNamed(ui.folderLine.text),
            ui.databaseBox.checked,
            ui.imagesCombo.currentIndex == DERIVED_IMAGES,
            ui.visibleBox.checked,
            ui.labelmapBox.checked,
            ui.reportBox.checked,
            ui.descriptionLine.text.strip(),
            ui.deflateBox.checked,
        )

    def update(self) -> None:
        self.ui.section.setEnabled(self._selection.parameters is not None)
        if self._selection.parameters is None or self.ui.section.collapsed:
            return
        state = self._state()
        if state == self._seen:
            return
        self._seen = state
        self._show(whyNotExportable(self._selection.volumeNode, self._selection.segmentationNode, self.options))

    def cleanup(self) -> None:
        """Nothing outlives the widget but what is on its way to the database."""

    def _state(self) -> tuple:
        """What the list of what is missing depends on, as far as it can be had many times a second."""
        volume, segmentation = self._selection.volumeNode, self._selection.segmentationNode
        nodes = [(node.GetID(), node.GetMTime(), node.GetTransformNodeID()) for node in (volume, segmentation) if node]
        shown = segmentation.GetDisplayNode().GetMTime() if segmentation and segmentation.GetDisplayNode() else 0
        segments = segmentation.GetSegmentation().GetNumberOfSegments() if segmentation else 0
        uids = len(instance_uids_of(volume)) if volume else 0
        return nodes, shown, segments, uids, open_database() is None, self.options

    def _show(self, missing: list[str]) -> None:
        self.ui.missingLabel.text = "\n".join(f"• {text}" for text in missing)
        self.ui.missingLabel.setVisible(bool(missing))
        self.ui.installButton.setVisible(bool(Installation.missingExportPackages()))

    def _onOption(self, *_) -> None:
        self._seen = ()
        self.update()

    def _onFolder(self, *_unused) -> None:
        folder = qt.QFileDialog.getExistingDirectory(None, _("Folder for exported files"), self.ui.folderLine.text)
        if folder:
            self.ui.folderLine.text = folder
            qt.QSettings().setValue(FOLDER, folder)

    def _onInstall(self, *_) -> None:
        self._try(Installation.installForExport)

    def _onExport(self, *_) -> None:
        self._try(self._exporting().exportSegmentation, *self._chosen())

    def _onTable(self, *_) -> None:
        if not self.options.folder:
            self._onFolder()
        if self.options.folder:
            self._try(self._exporting().exportTable, *self._chosen())

    def _exporting(self) -> Exporting:
        from VistaSegLib.Exporting import Exporting  # when it is needed: the panel does not open with it

        return Exporting(self._workspace)

    def _chosen(self) -> tuple:
        return self._selection.volumeNode, self._selection.segmentationNode, self.options

    def _try(self, action, *arguments) -> None:
        try:
            action(*arguments)
        except VistaSegError as error:
            self._workspace.messages.add_error(error)
        self._onOption()
