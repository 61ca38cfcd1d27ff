"""Volume nodes as volumes of the engine, and what tells whether they are still the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from vistaseg.errors import InputError
from vistaseg.geometry.grid import Grid, shifted
from vistaseg.mrml.transforms import array_from_matrix
from vistaseg.volume import Volume


@dataclass(frozen=True)
class VolumeState:
    """Equal as long as a volume node has the same voxels in the same place of its own coordinates.

    Attributes:
        node_id: MRML id.
        image_time: modification time of the voxels.
        ijk_to_ras: 16 numbers, row by row.
    """

    node_id: str
    image_time: int
    ijk_to_ras: tuple[float, ...]


def state_of(node: Any) -> VolumeState:
    """What the results of a volume depend on; a new name or parent transform does not change it."""
    image = node.GetImageData()
    time = image.GetMTime() if image is not None else 0
    return VolumeState(node.GetID() or "", time, tuple(_ijk_to_ras(node).ravel().tolist()))


def is_in_scene(node: Any) -> bool:
    """Whether a node still belongs to a scene."""
    return node is not None and node.GetScene() is not None and bool(node.GetScene().IsNodePresent(node))


def volume_from_node(node: Any) -> Volume:
    """The voxels of a scalar volume node, not copied, on its own grid without its parent transform.

    The array keeps the voxels alive after the node is gone; where the node's voxels are edited in place, it
    changes with them, which `state_of` tells.

    Raises:
        InputError: the node or its image is missing, it is a label map or has several values a voxel, or its
            position matrix is not usable.
    """
    _check_kind(node)
    image = node.GetImageData()
    i, j, k = image.GetDimensions()
    array = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(k, j, i)
    return Volume.from_array(
        array, grid_of(node).ijk_to_ras, axes="kji", name=node.GetName() or "volume", modality=modality_of(node)
    )


def grid_of(node: Any) -> Grid:
    """Size and position of the voxels of a volume node that has an image, in its own coordinates."""
    image = node.GetImageData()
    return Grid(image.GetDimensions(), shifted(_ijk_to_ras(node), image.GetExtent()[::2]))


def modality_of(node: Any) -> str | None:
    """The DICOM modality that the subject hierarchy knows, such as "CT"; None where it knows none."""
    if node.GetScene() is None:
        return None
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(node.GetScene())
    name = slicer.vtkMRMLSubjectHierarchyConstants.GetDICOMSeriesModalityAttributeName()
    item = hierarchy.GetItemByDataNode(node)
    return (hierarchy.GetItemAttribute(item, name) or None) if item != hierarchy.GetInvalidItemID() else None


def _check_kind(node: Any) -> None:
    if node is None:
        raise InputError("No volume is selected: choose the CT to work on.")
    if not node.IsA("vtkMRMLScalarVolumeNode"):
        raise InputError(f"{node.GetName()} is not a scalar volume: choose a CT.")
    if node.IsA("vtkMRMLLabelMapVolumeNode"):
        raise InputError(f"{node.GetName()} is a label map, not a scan: choose the CT that it was drawn on.")
    _check_image(node.GetName(), node.GetImageData())


def _check_image(name: str, image: Any) -> None:
    scalars = image.GetPointData().GetScalars() if image is not None else None
    if scalars is None or not scalars.GetNumberOfTuples():
        raise InputError(f"{name} has no voxels: load it again.")
    if scalars.GetNumberOfComponents() != 1:
        raise InputError(
            f"{name} has {scalars.GetNumberOfComponents()} values a voxel (colour, vectors or several images). "
            "Choose a CT, or extract one component of it first with the module Vector to Scalar Volume."
        )
    if scalars.IsA("vtkBitArray"):
        raise InputError(f"{name} has voxels of one bit, which is a mask and not a scan: choose a CT.")


def _ijk_to_ras(node: Any) -> np.ndarray:
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return array_from_matrix(matrix)
