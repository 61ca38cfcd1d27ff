"""A transform that is hardened moves a volume in its own coordinates: its prompts follow, or it is said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import slicer
import vtk
from workspace_case import LEFT, OUTSIDE, RIGHT, Desk

from vistaseg.errors import InputError
from vistaseg.geometry.box import VoxelBox
from vistaseg.mrml.geometry import Lattice, array_of, lattice_of_image
from vistaseg.mrml.preconditions import remarks
from vistaseg.mrml.reference import reference_lattice
from vistaseg.mrml.transforms import to_world
from vistaseg.mrml.volumes import grid_of
from vistaseg.prompts import Point, RegionOfInterest, Text
from vistaseg.workspace.memory import moved, prompts_of

BOX = RegionOfInterest((20.0, -10.0, -40.0), (60.0, 30.0, 0.0))


def under(desk: Desk, transform: Any, *nodes: Any) -> None:
    node = desk.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    node.SetMatrixTransformToParent(transform.GetMatrix())
    for each in nodes:
        each.SetAndObserveTransformNodeID(node.GetID())


def transform_of(degrees: float = 0.0, shift: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> Any:
    transform = vtk.vtkTransform()
    transform.Translate(shift)
    transform.RotateWXYZ(degrees, 0.2, -0.3, 0.9)
    return transform


def harden(*nodes: Any) -> None:
    for node in nodes:
        slicer.vtkSlicerTransformLogic.hardenTransform(node)


def places(desk: Desk, prompts: Any) -> np.ndarray:
    """World RAS mm of clicks."""
    return np.array([to_world(desk.volume_node, prompt.ras) for prompt in prompts])


@pytest.mark.parametrize("transform", [transform_of(25.0, (30, -12, 8)), transform_of(0.0, (5, 6, -70))])
@pytest.mark.parametrize("both", [True, False])
@pytest.mark.parametrize("again", [True, False])
def test_clicks_stay_where_they_were_in_the_world_and_are_gone_on_with(
    desk: Desk, transform: Any, both: bool, again: bool
) -> None:
    nodes = (desk.volume_node, desk.segmentation_node)
    target = desk.target()
    under(desk, transform, *nodes)
    desk.ask(target, LEFT)
    before, mask = places(desk, desk.workspace.prompts(target)), desk.mask(target)
    harden(*nodes[: 2 if both else 1])
    assert places(desk, desk.workspace.prompts(target)) == pytest.approx(before, abs=1e-3)
    assert np.array_equal(desk.mask(target), mask)
    click = Point(prompts_after(desk, RIGHT, transform))
    desk.ask(target, click)
    assert len(desk.workspace.prompts(target)) == 2 and desk.texts() == []
    assert np.array_equal(desk.mask(target), mask | desk.region(300))
    assert places(desk, desk.workspace.prompts(target))[0] == pytest.approx(before[0], abs=1e-3)
    if again:
        desk.workspace.remove_prompt(target, 1, desk.editing)
        desk.finish()
        assert np.array_equal(desk.mask(target), mask)


def prompts_after(desk: Desk, point: Point, transform: Any) -> Any:
    """A place in the volume's own coordinates after the transform was hardened."""
    return tuple(transform.TransformPoint(point.ras))


def test_prompts_that_cannot_follow_are_put_aside_and_it_is_said(desk: Desk) -> None:
    target, transform = desk.target(), transform_of(25.0)
    under(desk, transform, desk.volume_node, desk.segmentation_node)
    desk.ask(target, BOX)
    mask = desk.mask(target)
    harden(desk.volume_node, desk.segmentation_node)
    assert desk.workspace.prompts(target) == ()
    desk.ask(target, Point(prompts_after(desk, LEFT, transform)))
    assert any("earlier prompts on a belong to" in text for text in desk.texts())
    assert len(desk.workspace.prompts(target)) == 1 and (desk.mask(target) >= mask).all()


def test_another_scan_is_not_taken_for_the_same_one_that_moved(desk: Desk) -> None:
    target = desk.target()
    desk.ask(target, LEFT)
    matrix = vtk.vtkMatrix4x4()
    desk.volume_node.GetIJKToRASMatrix(matrix)
    matrix.SetElement(0, 3, matrix.GetElement(0, 3) + 1)
    desk.volume_node.SetIJKToRASMatrix(matrix)
    scalars = desk.volume_node.GetImageData().GetPointData().GetScalars()
    scalars.SetComponent(0, 0, scalars.GetComponent(0, 0) + 1)
    desk.volume_node.GetImageData().Modified()
    desk.ask(target, RIGHT)
    assert any("earlier prompts" in text for text in desk.texts()) and desk.workspace.prompts(target) == (RIGHT,)


def test_boxes_follow_a_shift_and_texts_everything(desk: Desk) -> None:
    grid = grid_of(desk.volume_node)
    steps = [{"prompt": prompt.as_dict(), "record": {}} for prompt in (BOX, Text("liver"))]
    document = {"ijk_to_ras": grid.ijk_to_ras.tolist(), "segment": {"steps": steps}}
    shifted = grid.ijk_to_ras.copy()
    shifted[:3, 3] += (1, 2, 3)
    box, text = prompts_of(moved(document, shifted))
    assert text == Text("liver")
    assert np.subtract(box.low, BOX.low) == pytest.approx((1, 2, 3))
    assert np.subtract(box.high, BOX.high) == pytest.approx((1, 2, 3))


@pytest.mark.parametrize("matrix", [np.diag([1.1, 1, 1, 1]), np.diag([-1, 1, 1, 1]), np.eye(4)[[1, 0, 2, 3]]])
def test_prompts_do_not_follow_what_is_no_small_turn_or_shift(desk: Desk, matrix: np.ndarray) -> None:
    grid = grid_of(desk.volume_node)
    document = {"ijk_to_ras": grid.ijk_to_ras.tolist(), "segment": {"steps": [{"prompt": LEFT.as_dict()}]}}
    assert moved(document, matrix @ grid.ijk_to_ras) is None


SHIFT = transform_of(0.0, (30, 10, 6))


@pytest.mark.parametrize("which", ["volume_node", "segmentation_node"])
@pytest.mark.parametrize("hardened", [False, True])
@pytest.mark.parametrize("made", ["clicked", "automatic", "painted"])
def test_a_segment_that_was_moved_against_its_scan_is_not_gone_on_with(
    desk: Desk, which: str, hardened: bool, made: str
) -> None:
    if made == "clicked":
        target = desk.target()
        desk.ask(target, LEFT)
    elif made == "automatic":
        (target,) = desk.segment(3)
    else:
        target = desk.target()
        desk.paint(target)
    node, old = getattr(desk, which), desk.scene.GetFirstNodeByName("Turned")
    before, prompts = own_voxels(desk, target), desk.workspace.prompts(target)
    turn = under_also(desk, SHIFT, node)
    if hardened:
        harden(node)
    for act in (
        lambda: desk.ask(target, RIGHT),
        lambda: desk.workspace.clear(target, desk.editing),
        lambda: desk.workspace.segment_into(target, [1], desk.editing),
    ):
        with pytest.raises(InputError, match="moved against each other since the last result"):
            act()
    desk.finish()
    assert own_voxels(desk, target) == before and len(desk.workspace.prompts(target)) == len(prompts)
    assert desk.workspace.proposal(target) is None
    new = desk.target("b")
    click = Point(tuple(turn.TransformPoint(RIGHT.ras))) if hardened and which == "volume_node" else RIGHT
    desk.ask(new, click)  # another segment is asked for the scan where it lies now
    assert desk.mask(new).any()
    if not hardened:
        node.SetAndObserveTransformNodeID(old.GetID())
        desk.ask(target, RIGHT)
        assert (desk.mask(target) >= desk.region(300)).all()


@pytest.mark.parametrize("factor", [0.5, 1.0, 1.5, 2.0])
@pytest.mark.parametrize("isotropic", [False, True])
def test_a_segment_painted_on_a_geometry_that_slicer_derives_from_the_scan_lies_on_it_until_one_is_moved(
    desk: Desk, factor: float, isotropic: bool
) -> None:
    logic = slicer.vtkSlicerSegmentationGeometryLogic()
    logic.SetInputSegmentationNode(desk.segmentation_node)
    logic.SetSourceGeometryNode(desk.volume_node)
    logic.SetOversamplingFactor(factor)
    logic.SetIsotropicSpacing(isotropic)
    assert logic.CalculateOutputGeometry() == ""
    logic.SetReferenceImageGeometryInSegmentationNode()
    target = desk.target()
    paint_as_slicer_does(desk, target)
    ids = [target.segment_id]
    assert remarks_on_moves(desk, ids) == []
    under_also(desk, transform_of(3.0, (9, 0, 0)), desk.segmentation_node)
    harden(desk.segmentation_node)
    assert len(remarks_on_moves(desk, ids)) == 1
    with pytest.raises(InputError, match="moved against each other"):
        desk.ask(target, LEFT)


def paint_as_slicer_does(desk: Desk, target: Any) -> None:
    """A cube on the voxels of the reference geometry."""
    lattice = reference_lattice(desk.segmentation_node)
    assert lattice is not None
    labelmap = lattice.image(VoxelBox((4, 4, 4), (8, 8, 8)))
    labelmap.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    array_of(labelmap)[...] = 1
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    assert logic.SetBinaryLabelmapToSegment(
        labelmap, desk.segmentation_node, target.segment_id, logic.MODE_REPLACE, labelmap.GetExtent()
    )


def remarks_on_moves(desk: Desk, segment_ids: list[str]) -> list[str]:
    """What an export says of segments that were moved."""
    found = remarks(desk.volume_node, desk.segmentation_node, segment_ids)
    return [text for text in found if "moved against each other" in text]


@pytest.mark.parametrize("made", ["clicked", "painted"])
def test_an_export_names_the_segments_that_were_moved_and_no_others(desk: Desk, made: str) -> None:
    target, empty = desk.target("moved"), desk.target("empty")
    if made == "clicked":
        desk.ask(target, LEFT)
    else:
        desk.paint(target)
    ids = [target.segment_id, empty.segment_id]
    assert remarks_on_moves(desk, ids) == []
    under_also(desk, SHIFT, desk.volume_node)
    harden(desk.volume_node)
    (text,) = remarks_on_moves(desk, ids)
    assert text.endswith(": moved.")


def under_also(desk: Desk, transform: Any, node: Any) -> Any:
    """Move a node in the world, and as far in its own coordinates once that is hardened."""
    old = node.GetParentTransformNode()
    new = desk.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    new.SetMatrixTransformToParent(transform.GetMatrix())
    new.SetAndObserveTransformNodeID(old.GetID())
    node.SetAndObserveTransformNodeID(new.GetID())
    whole = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(new, None, whole)
    return whole


def own_voxels(desk: Desk, target: Any) -> bytes:
    """A segment on its own voxels."""
    image = target.segment(desk.scene).GetRepresentation("Binary labelmap")
    return array_of(image).tobytes()


@pytest.mark.parametrize("shown", [False, True])
def test_an_answer_to_a_scan_that_was_moved_meanwhile_is_not_written(desk: Desk, shown: bool) -> None:
    target = desk.target()
    desk.ask(target, LEFT)
    before, left = own_voxels(desk, target), desk.mask(target)
    desk.workspace.prompt(target, RIGHT, None if shown else desk.editing)
    under(desk, SHIFT, desk.volume_node)
    desk.finish()
    assert own_voxels(desk, target) == before and len(desk.workspace.prompts(target)) == 1
    assert any("moved against each other" in text and "nothing was written" in text for text in desk.texts())
    desk.volume_node.SetAndObserveTransformNodeID(desk.segmentation_node.GetTransformNodeID())
    assert desk.workspace.prompts(target) == (LEFT,)
    desk.ask(target, RIGHT)
    assert np.array_equal(desk.mask(target), desk.region(300) | left)
    desk.workspace.remove_prompt(target, 1, desk.editing)
    desk.finish()
    assert np.array_equal(desk.mask(target), left)


def test_a_first_answer_to_a_scan_that_was_moved_meanwhile_lies_on_the_scan(desk: Desk) -> None:
    target = desk.target()
    desk.workspace.prompt(target, RIGHT, desk.editing)
    under(desk, transform_of(0.0, (0, 0, 30)), desk.volume_node)
    desk.finish()
    wanted = desk.region(300)
    assert 2 * (desk.mask(target) & wanted).sum() / (desk.mask(target).sum() + wanted.sum()) > 0.85


def test_a_segmentation_that_took_other_voxels_is_gone_on_with(desk: Desk) -> None:
    target = desk.target()
    desk.ask(target, LEFT)
    mask = desk.mask(target)
    image = target.segment(desk.scene).GetRepresentation("Binary labelmap")
    finer = lattice_of_image(image)
    matrix = finer.ijk_to_local @ np.diag([0.5, 0.5, 0.5, 1])
    matrix[:3, 3] = (finer.ijk_to_local @ [-0.25, -0.25, -0.25, 1])[:3]
    box = VoxelBox(tuple(2 * a for a in finer.box.start), tuple(2 * b for b in finer.box.stop))
    fine = Lattice(matrix, box)
    converted = fine.image()
    converted.AllocateScalars(image.GetScalarType(), 1)
    array_of(converted)[...] = array_of(image).repeat(2, 0).repeat(2, 1).repeat(2, 2)
    target.segment(desk.scene).AddRepresentation("Binary labelmap", converted)
    desk.ask(target, RIGHT)
    assert (desk.mask(target) >= (mask | desk.region(300))).all() and desk.workspace.prompts(target)[-1] == RIGHT


def test_the_error_of_a_click_is_told_after_what_became_of_earlier_prompts(desk: Desk) -> None:
    target = desk.target()
    desk.ask(target, LEFT)
    scalars = desk.volume_node.GetImageData().GetPointData().GetScalars()
    scalars.SetComponent(0, 0, scalars.GetComponent(0, 0) + 1)
    desk.volume_node.GetImageData().Modified()
    desk.ask(target, OUTSIDE)
    note, error = desk.workspace.messages.all
    assert "earlier prompts on a belong to" in note.text and error.level == "error"
    assert desk.workspace.messages.latest is error


def test_voxels_that_lie_otherwise_are_the_only_reason_that_is_named_without_masking(desk: Desk) -> None:
    under(desk, transform_of(25.0), desk.volume_node)
    desk.ask(desk.target("first"), RIGHT)
    (text,) = {text for text in desk.texts() if "stayed as they were" in text}
    assert "lie otherwise" in text and "masking" not in text
