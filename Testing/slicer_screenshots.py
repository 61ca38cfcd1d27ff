"""Pictures of the panel and of the effect in a Slicer that has the extension, on a real chest CT.

    Slicer --no-splash --python-script Testing/slicer_screenshots.py OUTPUT_FOLDER CHEST_FOLDER

The bundled model segments the CT; then two clicks correct the liver, each in the middle of what is most wrong with
it, which the labels of the data set tell. The chest folder holds `cxr.nii.gz` and `mask.nii.gz`, as `make demo`
fetches them.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import slicer

SIZE = (1400, 900)
STRUCTURES = ("liver", "spleen", "stomach", "aorta", "heart", "left lung", "right lung")
CORRECTED, CORRECTED_LABEL, CLICKS = "liver", 5, 2


def main(output: Path, chest: Path) -> None:
    """Make both pictures."""
    output.mkdir(parents=True, exist_ok=True)
    slicer.util.mainWindow().resize(*SIZE)
    slicer.util.setDataProbeVisible(False)
    slicer.util.selectModule("VistaSeg")
    panel = slicer.modules.VistaSegWidget.panel
    volume = slicer.util.loadVolume(str(chest / "cxr.nii.gz"))
    segment_all(panel, volume)
    correct(panel, labels(chest / "mask.nii.gz") == CORRECTED_LABEL)
    show_results(panel)
    save_window(output / "slicer-panel.png")
    open_effect(panel)
    save_window(output / "slicer-effect.png")


def segment_all(panel: Any, volume: Any) -> None:
    """Press Segment, and wait for the result."""
    from vistaseg import catalog

    ids = sorted({key for name in STRUCTURES for match in catalog.find(name)[:1] for key in match.ids})
    volume.GetDisplayNode().SetAutoWindowLevel(False)
    volume.GetDisplayNode().SetWindowLevel(400, 40)
    slicer.util.setSliceViewerLayers(background=volume, fit=True)
    panel.selection.volumeNode = volume
    panel.selection.parameters.modelChoice = "demo"
    panel.selection.parameters.classIds = " ".join(map(str, ids))
    panel.sections["AutomaticSection"].ui.segmentButton.click()
    wait_until(lambda: resting(panel))


def labels(path: Path) -> np.ndarray:
    """(k, j, i) of a label file that lies in the scene only as long as it is read."""
    node = slicer.util.loadLabelVolume(str(path))
    array = slicer.util.arrayFromVolume(node).copy()
    slicer.mrmlScene.RemoveNode(node)
    slicer.util.setSliceViewerLayers(background=slicer.modules.VistaSegWidget.panel.selection.volumeNode, label=None)
    return array


def correct(panel: Any, truth: np.ndarray) -> None:
    """Click in the middle of the largest error."""
    from vistaseg.evaluate.clicks import next_click
    from vistaseg.mrml.transforms import to_world
    from vistaseg.mrml.volumes import grid_of

    segmentation, volume = panel.selection.segmentationNode, panel.selection.volumeNode
    segment_id = segmentation.GetSegmentation().GetSegmentIdBySegmentName(CORRECTED)
    panel.selection.segmentId = segment_id
    grid = grid_of(volume)
    for _ in range(CLICKS):
        mask = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segment_id, volume) > 0
        index, positive = next_click(truth, mask, grid.spacing)
        world = to_world(volume, tuple(grid.index_to_ras([index])[0].tolist()))
        panel.sections["InteractiveSection"]._onPoint(world, positive, [])
        wait_until(lambda: resting(panel))
    slicer.util.resetSliceViews()
    slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, *world, slicer.vtkMRMLSliceNode.OffsetJumpSlice)


def show_results(panel: Any) -> None:
    """The lower sections and the surfaces."""
    panel.sections["AutomaticSection"].ui.section.collapsed = True
    panel.selection.segmentationNode.CreateClosedSurfaceRepresentation()
    slicer.app.layoutManager().threeDWidget(0).threeDView().resetFocalPoint()
    slicer.app.layoutManager().threeDWidget(0).threeDView().resetCamera()


def open_effect(panel: Any) -> None:
    """The Segment Editor with the effect on the same segment."""
    slicer.util.selectModule("SegmentEditor")
    editor = slicer.modules.SegmentEditorWidget.editor
    editor.setSegmentationNode(panel.selection.segmentationNode)
    editor.setSourceVolumeNode(panel.selection.volumeNode)
    editor.setCurrentSegmentID(panel.selection.segmentId)
    editor.setActiveEffectByName("VistaSeg")


def save_window(path: Path) -> None:
    """The window as it looks now."""
    wait(2.0)
    slicer.util.mainWindow().grab().save(str(path))


def resting(panel: Any) -> bool:
    """Whether nothing runs and every number is there."""
    return not panel.workspace.busy and not panel.sections["ResultsSection"].isMeasuring


def wait_until(condition: Callable[[], bool], seconds: float = 900.0) -> None:
    """Let the application work."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("it did not happen in time")
        slicer.app.processEvents()
        time.sleep(0.005)


def wait(seconds: float) -> None:
    """Let the application work for a while."""
    end = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() > end)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
    slicer.util.exit(0)
