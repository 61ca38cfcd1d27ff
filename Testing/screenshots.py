"""Pictures of the panel in its main states, beside slices of the scan with the segments.

    python Testing/screenshots.py OUTPUT_FOLDER CHEST_FOLDER

A real chest CT is segmented by the bundled model; then the pancreas, of which it found little, is corrected by the
two clicks of a user who sees the labels of the data set.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import host

host.start()

import numpy as np
import slicer
from host import module_manager
from PIL import Image
from PySide6.QtCore import QBuffer

from vistaseg.evaluate.clicks import next_click
from vistaseg.geometry.box import VoxelBox
from vistaseg.mrml.reading import read_mask, segment_record
from vistaseg.preview import preview_png
from vistaseg.segmentation import Segment, Segmentation
from vistaseg.volume import Volume, read_volume

WIDTH, HEIGHT = 380, 1010
# Liver, spleen, pancreas, stomach, aorta, both kidneys, heart.
CLASS_IDS = "1 3 4 5 6 12 14 115"
CORRECTED, CORRECTED_LABEL = "pancreas", 7


def main(output: Path, chest: Path) -> None:
    """Make all pictures."""
    module_manager.load("VistaSeg")
    widget = module_manager.open_widget("VistaSeg")
    panel = widget.panel
    widget.parent.resize(WIDTH, HEIGHT)
    widget.parent.show()
    save(picture(widget), output / "panel-opened.png")
    volume = read_volume(chest / "cxr.nii.gz")
    panel.selection.parameters.modelChoice = "demo"
    panel.selection.volumeNode = add_node(volume)
    panel.selection.parameters.classIds = CLASS_IDS
    panel.sections["AutomaticSection"].ui.segmentButton.click()
    wait_until(lambda: panel.workspace.task is None or done(panel) > 5)
    save(picture(widget), output / "panel-busy.png")
    wait_until(lambda: resting(panel))
    save(beside(picture(widget), slices(panel, volume)), output / "panel-automatic.png")
    title = correct(panel, volume, read_volume(chest / "mask.nii.gz").array == CORRECTED_LABEL)
    save(beside(picture(widget), slices(panel, volume, title, {CORRECTED})), output / "panel-clicks.png")
    panel.sections["InteractiveSection"]._onPoint((1000.0, 0.0, 0.0), True, [])
    wait_until(lambda: resting(panel))
    save(picture(widget), output / "panel-message.png")
    module_manager.close_widget("VistaSeg")


def add_node(volume: Volume) -> Any:
    """The scan in the scene."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Chest CT")
    slicer.util.updateVolumeFromArray(node, np.asarray(volume.array, dtype=np.int16))
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(volume.ijk_to_ras))
    return node


def correct(panel: Any, volume: Volume, truth: np.ndarray) -> str:
    """Two clicks on one of the segments; returns what they did."""
    node = panel.selection.segmentationNode
    panel.selection.segmentId = node.GetSegmentation().GetSegmentIdBySegmentName(CORRECTED)
    scores = [dice(corrected(panel, volume), truth)]
    for _ in range(2):
        click = next_click(truth, corrected(panel, volume), volume.grid.spacing)
        assert click is not None
        index, positive = click
        ras = volume.ijk_to_ras @ (*index, 1)
        panel.sections["InteractiveSection"]._onPoint(tuple(ras[:3]), positive, [])
        wait_until(lambda: resting(panel))
        scores.append(dice(corrected(panel, volume), truth))
    told = ", ".join(f"{score:.2f}" for score in scores)
    return f"{CORRECTED}: Dice with the labels of the data set before, after one and after two clicks {told}"


def corrected(panel: Any, volume: Volume) -> np.ndarray:
    """The segment that is clicked on, bool (k, j, i)."""
    segment = next(one for one in segments(panel, volume) if one.name == CORRECTED)
    return segment.mask.within(VoxelBox.whole(volume.shape_ijk))


def dice(mask: np.ndarray, truth: np.ndarray) -> float:
    """Overlap of two masks, 0 to 1."""
    return float(2 * np.count_nonzero(mask & truth) / (np.count_nonzero(mask) + np.count_nonzero(truth)))


def segments(panel: Any, volume: Volume) -> list[Segment]:
    """The segments of the scene as the engine has them."""
    node, scan, found = panel.selection.segmentationNode, panel.selection.volumeNode, []
    for number, segment_id in enumerate(node.GetSegmentation().GetSegmentIDs(), 1):
        record = segment_record(node, segment_id)
        mask = read_mask(node, segment_id, scan, volume.grid)
        found.append(Segment(record.name, number, record.structure_id, record.color, None, mask))
    return found


def slices(panel: Any, volume: Volume, title: str = "", names: Collection[str] = ()) -> Image.Image:
    """An axial, a coronal and a sagittal slice, with the segments of these names or with all."""
    shown = [one for one in segments(panel, volume) if not names or one.name in names]
    segmentation = Segmentation(volume.shape_ijk, volume.ijk_to_ras, shown, volume.name)
    return Image.open(io.BytesIO(preview_png(volume, segmentation, title))).convert("RGB")


def picture(widget: Any) -> Image.Image:
    """The panel as it looks now."""
    for _ in range(20):
        slicer.app.processEvents()
        time.sleep(0.01)
    buffer = QBuffer()
    buffer.open(QBuffer.OpenModeFlag.WriteOnly)
    widget.parent.grab().save(buffer, "PNG")
    return Image.open(io.BytesIO(buffer.data().data())).convert("RGB")


def beside(left: Image.Image, right: Image.Image) -> Image.Image:
    """Both pictures, the right one in the middle of the height of the left one."""
    whole = Image.new("RGB", (left.width + right.width, max(left.height, right.height)), right.getpixel((0, 0)))
    whole.paste(left, (0, 0))
    whole.paste(right, (left.width, max(0, (left.height - right.height) // 2)))
    return whole


def save(image: Image.Image, path: Path) -> None:
    """Write a picture of few colours, so that it is small."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(path, optimize=True)
    print(path)


def done(panel: Any) -> int:
    """How far the work that runs has come."""
    report = panel.workspace.task.report
    return 0 if report is None or report.stage != "windows" else report.done


def resting(panel: Any) -> bool:
    """Whether nothing runs and every number is there."""
    return not panel.workspace.busy and not panel.sections["ResultsSection"].isMeasuring


def wait_until(condition: Callable[[], bool], seconds: float = 600.0) -> None:
    """Let the application work."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        slicer.app.processEvents()
        time.sleep(0.005)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
