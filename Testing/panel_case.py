"""The panel before a small CT, with a model that answers at once: what the tests of its sections share."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import slicer
import vtk

AIR, BODY, SPLEEN, RIGHT_KIDNEY, LEFT_KIDNEY = -1000, 40, 300, 600, 900
SHAPE_KJI = (20, 24, 28)
# Slices (k, j, i) of what the CT shows.
PLACES = {
    SPLEEN: (slice(4, 8), slice(6, 11), slice(5, 10)),
    RIGHT_KIDNEY: (slice(10, 15), slice(6, 11), slice(5, 10)),
    LEFT_KIDNEY: (slice(10, 15), slice(6, 11), slice(18, 23)),
}
# Voxel (i, j, k) in the middle of each.
MIDDLES = {SPLEEN: (7, 8, 5), RIGHT_KIDNEY: (7, 8, 12), LEFT_KIDNEY: (20, 8, 12), BODY: (14, 16, 10)}


def rotation(degrees: float) -> Any:
    """vtkTransform around a slanting axis."""
    transform = vtk.vtkTransform()
    transform.RotateWXYZ(degrees, 0.3, -0.5, 0.8)
    return transform


def oblique(spacing: tuple[float, float, float] = (2.2, 2.0, 3.0)) -> Any:
    """IJK to RAS of a scan with a tilted gantry, mm."""
    transform = rotation(18)
    transform.Translate(-31, 12, -80)
    transform.Scale(*spacing)
    return transform.GetMatrix()


def ct_array() -> np.ndarray:
    """(k, j, i) HU: a body in air with a spleen and two kidneys."""
    array = np.full(SHAPE_KJI, AIR, np.int16)
    array[2:18, 3:21, 3:25] = BODY
    for value, place in PLACES.items():
        array[place] = value
    return array


def add_ct(name: str = "CT") -> Any:
    """A volume node with the small CT, tilted."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    node.SetIJKToRASMatrix(oblique())
    slicer.util.updateVolumeFromArray(node, ct_array())
    return node


def add_rotation(degrees: float = 25.0) -> Any:
    """A transform node that turns what is under it."""
    transform = rotation(degrees)
    transform.Translate(14, -6, 9)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "Patient")
    node.SetMatrixTransformToParent(transform.GetMatrix())
    return node


def voxel_to_world(volume: Any, ijk: tuple[float, float, float]) -> tuple[float, float, float]:
    """World RAS, mm, of a voxel, worked out by MRML alone."""
    matrix, transform = vtk.vtkMatrix4x4(), vtk.vtkGeneralTransform()
    volume.GetIJKToRASMatrix(matrix)
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(volume.GetParentTransformNode(), None, transform)
    return transform.TransformPoint(matrix.MultiplyPoint((*ijk, 1.0))[:3])


def red_view() -> tuple[Any, Any]:
    """The axial view and what it shows: nodes (slice, composite), those of the layout where there is one."""
    return tuple(_view_node(kind) for kind in ("vtkMRMLSliceNode", "vtkMRMLSliceCompositeNode"))


def _view_node(class_name: str) -> Any:
    node = slicer.mrmlScene.GetSingletonNode("Red", class_name)
    if node is None:
        # An application makes a view of it at once, and so has to know which.
        node = slicer.mrmlScene.CreateNodeByClass(class_name)
        node.UnRegister(None)
        node.SetSingletonTag("Red")
        node.SetLayoutName("Red")
        slicer.mrmlScene.AddNode(node)
        if class_name == "vtkMRMLSliceNode":
            node.SetOrientationToAxial()  # a scene that is saved without an orientation is not read without an error
    return node


def place_point(world: tuple[float, float, float]) -> None:
    """What a click in a slice view does while a place mode is on."""
    scene = slicer.mrmlScene
    interaction = scene.GetNodeByID("vtkMRMLInteractionNodeSingleton")
    assert interaction.GetCurrentInteractionMode() == interaction.Place
    node_id = scene.GetNodeByID("vtkMRMLSelectionNodeSingleton").GetActivePlaceNodeID()
    scene.GetNodeByID(node_id).AddControlPointWorld(vtk.vtkVector3d(*world))


def mask_of(segmentation: Any, segment_id: str, volume: Any) -> np.ndarray:
    """(k, j, i) of the whole volume, read by Slicer's own functions where the voxels are the same."""
    return slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segment_id, volume).astype(bool)


def prompt_rows(section: Any) -> list[str]:
    """What the section for one structure lists its prompts as."""
    tree = section.ui.promptTree
    return [tree.topLevelItem(place).text(0) for place in range(tree.topLevelItemCount)]


def markers() -> tuple[dict[str, tuple[tuple[float, ...], str]], int]:
    """What is shown of prompts.

    Returns:
        Label of each point → (position in world RAS mm, name of its node); and the number of boxes.
    """
    kinds = ("vtkMRMLMarkupsFiducialNode", "vtkMRMLMarkupsROINode")
    points, boxes = ([node for node in slicer.util.getNodesByClass(kind) if node.GetLocked()] for kind in kinds)
    placed = {
        node.GetNthControlPointLabel(n): (tuple(node.GetNthControlPointPositionWorld(n)), node.GetName())
        for node in points
        for n in range(node.GetNumberOfControlPoints())
    }
    return placed, len(boxes)


class PanelCase:
    """A panel that is entered."""

    def __init__(self, panel: Any) -> None:
        self.panel, self.selection, self.workspace = panel, panel.selection, panel.workspace

    def section(self, name: str) -> Any:
        return self.panel.sections[f"{name}Section"]

    @property
    def segments(self) -> dict[str, str]:
        """Name → id of the segments of the chosen segmentation, in order."""
        node = self.selection.segmentationNode
        if node is None:
            return {}
        segmentation = node.GetSegmentation()
        return {segmentation.GetSegment(key).GetName(): key for key in segmentation.GetSegmentIDs()}

    def settle(self, seconds: float = 20.0) -> None:
        """Let the application work until nothing is left to do."""
        end = time.monotonic() + seconds
        quiet = 0
        while quiet < 5:
            assert time.monotonic() < end, "it does not come to rest"
            slicer.app.processEvents()
            time.sleep(0.001)
            quiet = 0 if self.workspace.busy or self.section("Results").isMeasuring else quiet + 1

    def click(self, ijk: tuple[float, float, float], settle: bool = True) -> None:
        """Click on a voxel of the chosen volume in a view."""
        place_point(voxel_to_world(self.selection.volumeNode, ijk))
        if settle:
            self.settle()

    def mask(self, name: str) -> np.ndarray:
        return mask_of(self.selection.segmentationNode, self.segments[name], self.selection.volumeNode)


def save_scene(folder: Any) -> str:
    """Save the scene with everything that it stores in files, as File / Save does; returns its path."""
    scene, path = slicer.mrmlScene, str(folder / "scene.mrml")
    scene.SetURL(path)
    scene.SetRootDirectory(str(folder))
    for kind in ("vtkMRMLVolumeNode", "vtkMRMLSegmentationNode"):
        for node in slicer.util.getNodesByClass(kind):
            node.AddDefaultStorageNode()
            storage = node.GetStorageNode()
            extension = storage.GetDefaultWriteFileExtension()
            storage.SetFileName(str(folder / f"{node.GetID()}.{extension}"))
            assert storage.WriteData(node)
    assert scene.Commit(path)
    return path


def load_scene(path: str) -> None:
    """Close the scene and open another."""
    slicer.mrmlScene.Clear(0)
    slicer.mrmlScene.SetURL(path)
    assert slicer.mrmlScene.Connect()
