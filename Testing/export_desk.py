"""What the tests of export work with: a panel over a CT from DICOM that has two segments, and a database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import slicer
from dicom_series import write_series
from host.dicom_database import DicomDatabase
from host.mrml_nodes import add_scan, add_segmentation
from waiting import wait_until

from vistaseg.catalog import get
from vistaseg.masks.boxed import BoxedMask
from vistaseg.mrml.adding import add_segments
from vistaseg.segmentation import Segment, Segmentation
from vistaseg.volume import Volume

SHAPE = (9, 8, 6)
MADE = {"algorithm_type": "AUTOMATIC", "algorithm_name": "VISTA3D", "model": "vista3d"}


def scan() -> Volume:
    """A CT of noise."""
    affine = np.diag([-0.9, -0.7, 2.0, 1.0])
    affine[:3, 3] = [10, 20, -30]
    values = np.random.default_rng(0).integers(-1000, 2000, SHAPE[::-1])
    return Volume.from_array(values.astype(np.int16), affine, axes="kji", name="CT", modality="CT")


def structure(class_id: int, mask: np.ndarray, **provenance: Any) -> Segment:
    """A structure of the catalogue, from a mask (k, j, i) of the whole scan."""
    known = get(class_id)
    return Segment(known.name, class_id, class_id, known.color, known.terminology, BoxedMask.of(mask), provenance)


def blocks() -> list[Segment]:
    """Two segments, one of them at the border of the scan."""
    liver, kidney = np.zeros((2, *SHAPE[::-1]), bool)
    liver[1:4, 2:7, 1:6] = True
    kidney[0:6, 0, 8] = True
    return [structure(1, liver, **MADE), structure(5, kidney, **MADE, prompts=[{"kind": "point"}])]


class Desk:
    """A panel over a CT that was loaded from DICOM and has two segments, and the database that knows its files.

    Attributes:
        out: the folder that is chosen for the export.
        files: of the series, in order of k.
        database: `slicer.dicomDatabase`.
    """

    def __init__(self, panel: Any, folder: Path) -> None:
        self.panel, self.scene, self.out = panel, slicer.mrmlScene, folder / "out"
        self.out.mkdir()
        self.section = panel.sections["ExportSection"]
        self.files = write_series(folder / "series", scan())
        self.database = slicer.dicomDatabase = DicomDatabase(folder / "database", self.files)
        self.volume = add_scan(scan())
        uids = [pydicom.dcmread(file).SOPInstanceUID for file in self.files]
        self.volume.SetAttribute("DICOM.instanceUIDs", " ".join(uids))
        self.segmentation = add_segmentation(self.volume)
        add_segments(self.segmentation, Segmentation(SHAPE, scan().ijk_to_ras, blocks()), self.volume)
        self.choose(self.volume, self.segmentation)
        self.section.ui.section.collapsed = False
        self.section.ui.databaseBox.setChecked(False)
        self.section.ui.folderLine.text = str(self.out)

    def choose(self, volume: Any, segmentation: Any) -> None:
        """Choose nodes in the panel."""
        self.panel.selection.volumeNode, self.panel.selection.segmentationNode = volume, segmentation

    def transform(self, *nodes: Any) -> None:
        """Put nodes under a rotation."""
        transform = self.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "Turned")
        matrix = np.array([[0.8, -0.6, 0, 12], [0.6, 0.8, 0, -7], [0, 0, 1, 30], [0, 0, 0, 1.0]])
        transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
        for node in nodes:
            node.SetAndObserveTransformNodeID(transform.GetID())

    def export(self) -> None:
        """Press the button, and wait until something was said."""
        self.press(self.section.ui.exportButton)

    def press(self, button: Any) -> None:
        """Press another button, and wait in the same way."""
        self.panel.workspace.messages.clear()
        button.click()
        self.finish()

    def finish(self, seconds: float = 20.0) -> None:
        """Let the application work until something was said."""
        wait_until(lambda: self.told is not None and not self.panel.workspace.busy, slicer.app.processEvents, seconds)

    def derive(self) -> None:
        """Let the export refer to a CT series that is made."""
        self.section.ui.imagesCombo.setCurrentIndex(1)

    @property
    def missing(self) -> str:
        """What the panel says is missing."""
        return self.section.ui.missingLabel.text

    @property
    def told(self) -> Any:
        """The latest message, or None."""
        return self.panel.workspace.messages.latest

    def written(self, ending: str = "") -> list[Path]:
        """Files in the chosen folder and below it."""
        return sorted(path for path in self.out.rglob(f"*{ending}") if path.is_file())


def same(found: Segmentation, meant: list[Segment]) -> bool:
    """Whether segments are those, in the same place and with the same codes."""
    pairs = zip(found.segments, meant, strict=True)
    return all(
        one.name == other.name
        and one.mask.equals(other.mask)
        and one.terminology == other.terminology
        and one.provenance["algorithm_type"] == other.provenance["algorithm_type"]
        for one, other in pairs
    )
