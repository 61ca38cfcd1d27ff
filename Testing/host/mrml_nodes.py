"""Nodes for tests: volumes on any grid under any transform, segments of masks, and masks back."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk

from vistaseg.geometry.box import VoxelBox
from vistaseg.masks.boxed import BoxedMask
from vistaseg.mrml.adding import add_segments
from vistaseg.mrml.reading import read_mask
from vistaseg.mrml.transforms import matrix_from_array
from vistaseg.mrml.volumes import grid_of
from vistaseg.segmentation import Segment, Segmentation
from vistaseg.volume import Volume

SHAPE_IJK = (9, 8, 7)
KINDS = ("identity", "translated", "rotated", "scaled")


def add_volume(array: np.ndarray, ijk_to_ras: np.ndarray | None = None, parent: np.ndarray | None = None) -> Any:
    """A scalar volume node of an array (k, j, i), under a parent transform where a matrix is given."""
    k, j, i = array.shape
    image = vtk.vtkImageData()
    image.SetDimensions(i, j, k)
    image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(array).ravel(), deep=True))
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    node.SetAndObserveImageData(image)
    node.SetIJKToRASMatrix(matrix_from_array(np.eye(4) if ijk_to_ras is None else ijk_to_ras))
    put_under(node, parent)
    return node


def add_scan(volume: Volume) -> Any:
    """A scalar volume node of a volume."""
    return add_volume(np.array(volume.array), volume.ijk_to_ras)


def add_segmentation(volume_node: Any) -> Any:
    """An empty segmentation on the grid of a volume, which views can show."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Segmentation")
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume_node)
    return node


def put_under(node: Any, matrix: np.ndarray | None) -> None:
    """Give a node a linear parent transform."""
    if matrix is not None:
        transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        transform.SetMatrixTransformToParent(matrix_from_array(matrix))
        node.SetAndObserveTransformNodeID(transform.GetID())


def tilted(shape_ijk: tuple[int, int, int], steps: tuple[float, float, float]) -> np.ndarray:
    """IJK to RAS of a grid around the origin, turned by 0.2 rad about R.

    Args:
        steps: mm between voxels along i, j and k; negative where an axis is flipped.
    """
    c, s = np.cos(0.2), np.sin(0.2)
    affine = np.eye(4)
    affine[:3, :3] = np.array([[1, 0, 0], [0, c, -s], [0, s, c]]) @ np.diag(steps)
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape_ijk) - 1) / 2)
    return affine


def random_rotation(random: np.random.Generator) -> np.ndarray:
    rotation, _ = np.linalg.qr(random.normal(size=(3, 3)))
    return rotation


def random_affine(random: np.random.Generator) -> np.ndarray:
    """IJK to RAS: oblique, any handedness, anisotropic."""
    affine = np.eye(4)
    affine[:3, :3] = random_rotation(random) * random.uniform(0.4, 5, 3)
    affine[:3, 3] = random.uniform(-300, 300, 3)
    return affine


def random_parent(random: np.random.Generator, kind: str) -> np.ndarray | None:
    """A parent transform of a kind; None for no parent."""
    if kind == "identity":
        return None
    parent = np.eye(4)
    parent[:3, 3] = random.uniform(-100, 100, 3)
    if kind != "translated":
        parent[:3, :3] = random_rotation(random)
    if kind == "scaled":
        parent[:3, :3] *= random.uniform(0.5, 2, 3)[:, None]  # along other axes than the rotation's: shears as well
    return parent


def segment_of(mask: np.ndarray, name: str = "liver", **more: Any) -> Segment:
    """A segment of a mask (k, j, i) on the whole grid."""
    fields = {"structure_id": None, "color": (10, 200, 30), "terminology": None} | more
    return Segment(name, 1, mask=BoxedMask.of(mask), **fields)


def add_masks(segmentation_node: Any, volume_node: Any, *masks: np.ndarray) -> list[str]:
    """Add segments with masks (k, j, i) on the whole grid; returns their ids."""
    grid = grid_of(volume_node)
    result = Segmentation(grid.shape_ijk, grid.ijk_to_ras, [segment_of(mask) for mask in masks])
    return add_segments(segmentation_node, result, volume_node)


def full_mask(segmentation_node: Any, segment_id: str, volume_node: Any) -> np.ndarray:
    """The mask of a segment on the whole grid of a volume, (k, j, i)."""
    grid = grid_of(volume_node)
    return read_mask(segmentation_node, segment_id, volume_node, grid).within(VoxelBox.whole(grid.shape_ijk))
