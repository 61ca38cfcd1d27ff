"""Other segments give way to one that grows: at once, together, and only where it grows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import slicer
from host.mrml_nodes import SHAPE_IJK, add_masks, full_mask

from vistaseg.geometry.box import VoxelBox
from vistaseg.masks.boxed import MaskChange
from vistaseg.mrml.editing import SegmentEditing

RULES = slicer.vtkMRMLSegmentEditorNode
BOX = VoxelBox((2, 1, 1), (5, 6, 6))
GROWING, TAKEN, SPARED, APART = range(4)


@pytest.fixture
def masks() -> list[np.ndarray]:
    """Slabs along i that share a label map: one that grows into the second and third, and one out of its reach."""
    slabs = [np.zeros(SHAPE_IJK[::-1], dtype=bool) for _ in range(4)]
    for slab, first in zip(slabs, (0, 2, 4, 6), strict=True):
        slab[:, :, first : first + 2] = True
    return slabs


@pytest.fixture
def ids(ct: Any, segmentation_node: Any, masks: list[np.ndarray]) -> list[str]:
    names = add_masks(segmentation_node, ct, *masks)
    segmentation_node.GetDisplayNode().SetSegmentVisibility(names[SPARED], False)
    return names


@pytest.fixture
def grow(scene: Any, ct: Any, segmentation_node: Any, ids: list[str]) -> Any:
    """Let the first segment take the box, with an overwrite mode."""

    def write(overwriting: int) -> None:
        rules = scene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
        rules.SetOverwriteMode(overwriting)
        everything = np.ones(BOX.shape_kji, dtype=bool)
        editing = SegmentEditing(segmentation_node, ct, rules)
        editing.apply(ids[GROWING], MaskChange.in_box(everything, ~everything, BOX))
        editing.close()

    return write


def box() -> np.ndarray:
    whole = np.zeros(SHAPE_IJK[::-1], dtype=bool)
    whole[BOX.slices_kji] = True
    return whole


@pytest.mark.parametrize("spared", [True, False])
def test_those_that_are_overwritten_lose_what_another_gains(
    ct: Any, segmentation_node: Any, ids: list[str], masks: list[np.ndarray], grow: Any, spared: bool
) -> None:
    grow(RULES.OverwriteVisibleSegments if spared else RULES.OverwriteAllSegments)
    wanted = list(masks)
    wanted[GROWING], wanted[TAKEN] = masks[GROWING] | box(), masks[TAKEN] & ~box()
    wanted[SPARED] = masks[SPARED] if spared else masks[SPARED] & ~box()
    for segment_id, mask in zip(ids, wanted, strict=True):
        assert np.array_equal(full_mask(segmentation_node, segment_id, ct), mask)


def test_they_go_on_sharing_a_label_map(segmentation_node: Any, ids: list[str], grow: Any) -> None:
    grow(RULES.OverwriteVisibleSegments)
    segmentation = segmentation_node.GetSegmentation()
    images = [segmentation.GetSegment(segment_id).GetRepresentation("Binary labelmap") for segment_id in ids]
    assert images[TAKEN] is images[SPARED] is images[APART]


def test_only_who_watches_a_segment_that_lost_voxels_is_told(segmentation_node: Any, ids: list[str], grow: Any) -> None:
    segmentation, told = segmentation_node.GetSegmentation(), []
    images = [segmentation.GetSegment(segment_id).GetRepresentation("Binary labelmap") for segment_id in ids]
    time = images[TAKEN].GetMTime()
    segmentation.AddObserver(segmentation.RepresentationModified, _note(told))
    grow(RULES.OverwriteAllSegments)
    assert {ids[TAKEN], ids[SPARED]} <= set(told) and ids[APART] not in told
    assert images[TAKEN].GetMTime() > time


def _note(told: list[str]) -> Any:
    import vtk

    @vtk.calldata_type(vtk.VTK_STRING)
    def note(_segmentation: Any, _event: str, segment_id: str) -> None:
        told.append(segment_id)

    return note


def test_surfaces_that_are_shown_shrink_as_well(segmentation_node: Any, ids: list[str], grow: Any) -> None:
    segmentation_node.CreateClosedSurfaceRepresentation()
    before = _surface_points(segmentation_node, ids[TAKEN])
    grow(RULES.OverwriteAllSegments)
    assert _surface_points(segmentation_node, ids[TAKEN]) != before


def _surface_points(segmentation_node: Any, segment_id: str) -> list[tuple[float, ...]]:
    surface = segmentation_node.GetClosedSurfaceInternalRepresentation(segment_id)
    return [surface.GetPoint(n) for n in range(surface.GetNumberOfPoints())]


def test_a_segment_with_other_voxels_gives_way_too(
    ct: Any, segmentation_node: Any, ids: list[str], masks: list[np.ndarray], grow: Any
) -> None:
    segment = segmentation_node.GetSegmentation().GetSegment(ids[TAKEN])
    segment.AddRepresentation("Binary labelmap", _halved(segment.GetRepresentation("Binary labelmap")))
    assert np.array_equal(full_mask(segmentation_node, ids[TAKEN], ct), masks[TAKEN])
    grow(RULES.OverwriteAllSegments)
    left = full_mask(segmentation_node, ids[TAKEN], ct)
    assert left.any() and not (left & box()).any()


def _halved(image: Any) -> Any:
    """The same label map in voxels of half the size."""
    i, j, k = (2 * size for size in image.GetDimensions())
    finer, halves = slicer.vtkOrientedImageData(), slicer.vtkOrientedImageData()
    finer.ShallowCopy(image)
    halves.SetExtent(0, i - 1, 0, j - 1, 0, k - 1)
    halves.CopyDirections(image)
    halves.SetSpacing([size / 2 for size in image.GetSpacing()])
    matrix = slicer.util.arrayFromVTKMatrix(_matrix_of(image))
    halves.SetOrigin((matrix @ (-0.25, -0.25, -0.25, 1.0))[:3])
    output = slicer.vtkOrientedImageData()
    slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(finer, halves, output)
    return output


def _matrix_of(image: Any) -> Any:
    import vtk

    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    return matrix
