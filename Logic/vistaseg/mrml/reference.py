"""The reference geometry of a segmentation node: the voxels that its segments are written on."""

from __future__ import annotations

from typing import Any

import slicer
import vtk

from vistaseg.errors import InputError
from vistaseg.mrml.geometry import (
    Lattice,
    box_of_extent,
    lattice_of_grid,
    offset_between,
)
from vistaseg.mrml.resampling import covered_box
from vistaseg.mrml.transforms import array_from_matrix, transform_between
from vistaseg.mrml.volumes import grid_of

_MOST_VOXELS = 2**31
"""The Segment Editor takes a byte for each, several times over."""


def reference_lattice(segmentation_node: Any) -> Lattice | None:
    """The reference geometry of a node, otherwise that of its label maps; None where it has neither."""
    segmentation = segmentation_node.GetSegmentation()
    text = segmentation.GetConversionParameter(_reference_parameter())
    text = text or segmentation.DetermineCommonLabelmapGeometry(
        segmentation.EXTENT_UNION_OF_SEGMENTS, vtk.vtkStringArray()
    )
    matrix, extent = vtk.vtkMatrix4x4(), [0, -1, 0, -1, 0, -1]
    if not text or not slicer.vtkSegmentationConverter.DeserializeImageGeometry(text, matrix, extent):
        return None
    return Lattice(array_from_matrix(matrix), box_of_extent(extent))


def prepare_lattice(segmentation_node: Any, volume_node: Any) -> Lattice:
    """The lattice that a node's segments are written on, which becomes its reference geometry.

    A node without segments takes the grid of the volume. Where a node has a lattice of its own, that is made as large
    as it has to be to hold the volume: nothing is cut off, and what lies outside it would escape the editor's masking.

    Raises:
        InputError: it would become larger than can be handled.
    """
    lattice = reference_lattice(segmentation_node)
    if lattice is None or segmentation_node.GetSegmentation().GetNumberOfSegments() == 0:
        segmentation_node.SetReferenceImageGeometryParameterFromVolumeNode(volume_node)
        lattice = reference_lattice(segmentation_node)
        assert lattice is not None
        return lattice
    lattice = _covering(lattice, segmentation_node, volume_node)
    role = segmentation_node.GetReferenceImageGeometryReferenceRole()
    if reference_volume(segmentation_node) is None:
        # Slicer's DICOM export asks this volume for its images.
        segmentation_node.SetNodeReferenceID(role, volume_node.GetID())
    set_reference(segmentation_node.GetSegmentation(), lattice)
    return lattice


def set_reference(segmentation: Any, lattice: Lattice) -> None:
    """Make a lattice the reference geometry of a vtkSegmentation."""
    text = slicer.vtkSegmentationConverter.SerializeImageGeometry(lattice.image())
    if text != segmentation.GetConversionParameter(_reference_parameter()):
        segmentation.SetConversionParameter(_reference_parameter(), text)


def reference_volume(segmentation_node: Any) -> Any:
    """The volume node that a segmentation node was made for; None where it has none, or that is gone."""
    return segmentation_node.GetNodeReference(segmentation_node.GetReferenceImageGeometryReferenceRole())


def require_room(segmentation_node: Any, volume_node: Any) -> None:
    """Refuse, before any work, a segmentation that results of a volume cannot be written to.

    Raises:
        InputError: see `prepare_lattice`.
    """
    lattice = reference_lattice(segmentation_node)
    if lattice is not None and segmentation_node.GetSegmentation().GetNumberOfSegments():
        _covering(lattice, segmentation_node, volume_node)


def _covering(lattice: Lattice, segmentation_node: Any, volume_node: Any) -> Lattice:
    """The lattice, as large as it has to be to hold the whole volume as well.

    Raises:
        InputError: no label map of that size can be handled.
    """
    transform = transform_between(volume_node, segmentation_node)
    offset = offset_between(lattice, segmentation_node, volume_node)
    whole = lattice_of_grid(grid_of(volume_node))
    volume = covered_box(whole, lattice, transform) if offset is None else whole.box.shifted(offset)
    box = lattice.box.union(volume)
    if box != lattice.box and box.size > _MOST_VOXELS:
        raise InputError(
            f"{segmentation_node.GetName()} cannot be made large enough for {volume_node.GetName()}: with its voxels, "
            f"it would have {' × '.join(str(size) for size in box.shape)} of them. Nothing was written: choose "
            "another segmentation, or make a new one."
        )
    return Lattice(lattice.ijk_to_local, box)


def _reference_parameter() -> str:
    return str(slicer.vtkSegmentationConverter.GetReferenceImageGeometryParameterName())
