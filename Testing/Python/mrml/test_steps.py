"""Undo takes back what its step changed, and nothing that anybody else has done since."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import slicer
import vtk
from host.mrml_nodes import SHAPE_IJK, add_masks, full_mask

from vistaseg.errors import InputError
from vistaseg.geometry.box import VoxelBox
from vistaseg.masks.boxed import BoxedMask, MaskChange
from vistaseg.mrml.editing import SegmentEditing
from vistaseg.mrml.geometry import BINARY_LABELMAP, array_of
from vistaseg.mrml.seals import Seal, seal
from vistaseg.mrml.tags import PROMPTS_TAG
from vistaseg.mrml.writing import labelmap_of

SHAPE = SHAPE_IJK[::-1]
WHOLE = VoxelBox((0, 0, 0), SHAPE_IJK)


class Editor:
    """The Segment Editor's own logic, in which somebody else works on the same segmentation."""

    def __init__(self, scene: Any, segmentation_node: Any, volume_node: Any) -> None:
        self.node = scene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
        self.logic = slicer.vtkSlicerSegmentEditorLogic()
        self.logic.SetMRMLScene(scene)
        self.logic.SetSegmentEditorNode(self.node)
        self.node.SetAndObserveSegmentationNode(segmentation_node)
        self.node.SetAndObserveSourceVolumeNode(volume_node)
        self.node.SetOverwriteMode(self.node.OverwriteNone)
        self.segmentation_node, self.volume_node = segmentation_node, volume_node

    def paint(self, segment_id: str, mask: np.ndarray, erase: bool = False) -> None:
        mode = self.logic.ModificationModeRemove if erase else self.logic.ModificationModeAdd
        self.logic.SaveStateForUndo()
        labelmap = labelmap_of(BoxedMask(mask, WHOLE), self.volume_node, self.segmentation_node)
        self.logic.ModifySegmentByLabelmap(self.segmentation_node, segment_id, labelmap, mode, False, True)

    def add(self, name: str) -> str:
        self.logic.SaveStateForUndo()
        return self.segmentation_node.GetSegmentation().AddEmptySegment("", name)

    def close(self) -> None:
        self.logic.SetSegmentEditorNode(None)


@pytest.fixture
def editor(scene: Any, segmentation_node: Any, ct: Any) -> Iterator[Editor]:
    made = Editor(scene, segmentation_node, ct)
    yield made
    made.close()


@pytest.fixture
def editing(segmentation_node: Any, ct: Any, editor: Editor) -> Iterator[SegmentEditing]:
    made = SegmentEditing(segmentation_node, ct, None, editor.logic.SaveStateForUndo)
    yield made
    made.close()


@pytest.fixture
def ids(ct: Any, segmentation_node: Any) -> list[str]:
    """Three segments that share a label map: slabs of the volume."""
    return add_masks(segmentation_node, ct, slab(0), slab(1), slab(2))


@pytest.fixture
def masks(ct: Any, segmentation_node: Any) -> Any:
    def read() -> dict[str, np.ndarray]:
        every = segmentation_node.GetSegmentation().GetSegmentIDs()
        return {each: full_mask(segmentation_node, each, ct) for each in every}

    return read


def slab(k: int) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[k] = True
    return mask


def corner(n: int) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[4:, :2, n] = True
    return mask


def click(editing: SegmentEditing, segment_id: str, added: np.ndarray, removed: np.ndarray | None = None) -> None:
    nothing = np.zeros(SHAPE, bool)
    with editing.step():
        editing.apply(segment_id, MaskChange.in_box(added, nothing if removed is None else removed, WHOLE))


def test_undo_leaves_another_segment_that_was_painted_and_one_that_was_added_since(editing, editor, ids, masks):
    click(editing, ids[0], corner(0))
    editor.paint(ids[1], corner(1))
    added = editor.add("by hand")
    editor.paint(added, corner(2))
    assert editing.undo() == ""
    now = masks()
    assert np.array_equal(now[ids[0]], slab(0)) and np.array_equal(now[ids[1]], slab(1) | corner(1))
    assert np.array_equal(now[added], corner(2))
    editing.redo()
    assert np.array_equal(masks()[ids[0]], slab(0) | corner(0)) and np.array_equal(masks()[added], corner(2))


def test_undo_keeps_what_was_painted_on_its_own_segment_and_says_so(editing, editor, ids, masks):
    click(editing, ids[0], corner(0), slab(0))
    editor.paint(ids[0], corner(1))
    assert "liver: changed by other means since" in editing.undo()
    assert np.array_equal(masks()[ids[0]], slab(0) | corner(1))
    assert "liver" in editing.redo()
    assert np.array_equal(masks()[ids[0]], corner(0) | corner(1))


def test_undo_of_the_editor_takes_back_one_click_or_one_stroke_at_a_time(editing, editor, ids, masks):
    click(editing, ids[0], corner(0))
    editor.paint(ids[1], corner(1))
    click(editing, ids[0], corner(2))
    editor.logic.Undo()
    assert np.array_equal(masks()[ids[0]], slab(0) | corner(0)) and np.array_equal(masks()[ids[1]], slab(1) | corner(1))
    editor.logic.Undo()
    assert np.array_equal(masks()[ids[0]], slab(0) | corner(0)) and np.array_equal(masks()[ids[1]], slab(1))
    editor.logic.Undo()
    assert all(np.array_equal(masks()[each], slab(n)) for n, each in enumerate(ids))


def test_a_step_that_the_editor_took_back_already_is_passed_over(editing, editor, ids, masks):
    click(editing, ids[0], corner(0))
    click(editing, ids[0], corner(1))
    editor.logic.Undo()
    editing.undo()
    assert np.array_equal(masks()[ids[0]], slab(0))
    editing.redo()
    assert np.array_equal(masks()[ids[0]], slab(0) | corner(0))
    editing.redo()
    assert np.array_equal(masks()[ids[0]], slab(0) | corner(0) | corner(1))


def test_a_segment_that_was_deleted_since_stays_deleted(editing, segmentation_node, ids, masks):
    click(editing, ids[0], corner(0))
    click(editing, ids[1], corner(1))
    segmentation_node.GetSegmentation().RemoveSegment(ids[1])
    editing.undo()
    assert list(masks()) == [ids[0], ids[2]] and np.array_equal(masks()[ids[0]], slab(0))


def test_added_segments_go_and_come_back_to_their_places_in_one_label_map(ct, segmentation_node, editing, ids, masks):
    with editing.step():
        added = add_masks(segmentation_node, ct, slab(3), slab(4))
    before = masks()
    segmentation_node.GetSegmentation().AddEmptySegment("later", "later")
    editing.undo()
    assert list(masks()) == [*ids, "later"]
    editing.redo()
    assert list(masks()) == [*ids, *added, "later"]
    assert all(np.array_equal(masks()[each], before[each]) for each in before)
    assert segmentation_node.GetSegmentation().GetNumberOfLayers() == 2
    editing.undo()
    assert list(masks()) == [*ids, "later"]


def test_an_added_segment_that_was_painted_since_stays_and_is_named(ct, segmentation_node, editing, editor, masks):
    with editing.step():
        painted, other = add_masks(segmentation_node, ct, slab(3), slab(4))
        for each, mask in ((painted, slab(3)), (other, slab(4))):
            made = Seal("volume", "liver", BoxedMask.of(mask).fingerprint)
            seal(segmentation_node.GetSegmentation().GetSegment(each), made)
    editor.paint(painted, corner(0))
    assert "liver" in editing.undo()
    assert list(masks()) == [painted] and np.array_equal(masks()[painted], slab(3) | corner(0))
    editing.redo()
    assert np.array_equal(masks()[painted], slab(3) | corner(0)) and np.array_equal(masks()[other], slab(4))


def test_an_added_segment_that_slicer_erased_from_in_place_stays(ct, segmentation_node, editing, masks):
    with editing.step():
        erased, other = add_masks(segmentation_node, ct, slab(3), slab(4))
        for each, mask in ((erased, slab(3)), (other, slab(4))):
            made = Seal("volume", "liver", BoxedMask.of(mask).fingerprint)
            seal(segmentation_node.GetSegmentation().GetSegment(each), made)
    segment = segmentation_node.GetSegmentation().GetSegment(erased)
    image = segment.GetRepresentation(BINARY_LABELMAP)
    # As Slicer's tools do where the label map keeps its size: the array is changed, the image is modified.
    values = array_of(image)
    values[tuple(np.argwhere(values == segment.GetLabelValue())[0])] = 0
    image.Modified()
    assert editing.undo()
    assert list(masks()) == [erased] and masks()[erased].sum() == slab(3).sum() - 1


def test_voxels_that_lie_elsewhere_by_a_hardened_transform_are_not_written_wrong(
    scene, segmentation_node, editing, ids, masks
):
    click(editing, ids[0], corner(0))
    click(editing, ids[1], corner(1))
    turn = vtk.vtkTransform()
    turn.RotateZ(30)
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    transform.SetMatrixTransformToParent(turn.GetMatrix())
    segmentation_node.SetAndObserveTransformNodeID(transform.GetID())
    slicer.vtkSlicerTransformLogic.hardenTransform(segmentation_node)
    before = masks()
    with pytest.raises(InputError, match="lie elsewhere since"):
        editing.undo()
    assert all(np.array_equal(mask, before[each]) for each, mask in masks().items())


def test_a_node_whose_segments_became_surfaces_is_refused_at_every_write(segmentation_node, editing, ids):
    click(editing, ids[0], corner(0))
    segmentation_node.CreateClosedSurfaceRepresentation()
    segmentation = segmentation_node.GetSegmentation()
    segmentation.SetSourceRepresentationName("Closed surface")
    segmentation.RemoveRepresentation("Binary labelmap")
    for write in (lambda: click(editing, ids[0], corner(1)), editing.undo):
        with pytest.raises(InputError, match="convert it"):
            write()
    assert editing.can_undo


@pytest.mark.parametrize("seed", range(12))
def test_any_order_of_steps_and_foreign_work_keeps_the_foreign_work(editing, editor, ids, masks, seed):
    """Every voxel that is painted stays, and undoing all steps leaves nothing but the start and the paint."""
    choice = random.Random(seed)
    places = np.random.default_rng(seed).permutation(np.argwhere(~(slab(0) | slab(1) | slab(2))))
    one_voxel = iter(places)
    expected = {each: slab(n) for n, each in enumerate(ids)}
    undoable: list[tuple[str, np.ndarray]] = []
    undone: list[tuple[str, np.ndarray]] = []

    def somewhere() -> np.ndarray:
        mask = np.zeros(SHAPE, bool)
        mask[tuple(next(one_voxel))] = True
        return mask

    for _ in range(40):
        act, target, mask = choice.choice(["click", "paint", "add", "undo", "redo"]), choice.choice(ids), somewhere()
        if act == "click":
            click(editing, target, mask)
            expected[target] |= mask
            undoable.append((target, mask))
            undone.clear()
        elif act == "paint":
            editor.paint(target, mask)
            expected[target] |= mask
        elif act == "add":
            expected[editor.add("new")] = np.zeros(SHAPE, bool)
        elif act == "undo" and undoable:
            editing.undo()
            undone.append(undoable.pop())
            expected[undone[-1][0]] &= ~undone[-1][1]
        elif act == "redo" and undone:
            editing.redo()
            undoable.append(undone.pop())
            expected[undoable[-1][0]] |= undoable[-1][1]
        now = masks()
        assert list(now) == list(expected)
        assert all(np.array_equal(now[each], mask) for each, mask in expected.items())


def block(grown: int = 0) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[4 - grown : 6 + grown, 3 - grown : 6 + grown, 3 - grown : 6 + grown] = True
    return mask


@pytest.mark.parametrize(
    "change",
    [
        lambda editor, segment_id: editor.paint(segment_id, block(1)),
        lambda editor, segment_id: editor.paint(segment_id, ~block() | block(), erase=True),
        lambda editor, segment_id: editor.paint(segment_id, block() & ~corner_of_block(), erase=True),
        lambda editor, segment_id: editor.paint(segment_id, corner_of_block(), erase=True),
    ],
    ids=["grown", "emptied", "eroded", "erased a voxel"],
)
def test_a_step_in_a_segment_that_was_changed_as_a_whole_since_is_refused_until_that_is_taken_back(
    editing, editor, ids, masks, change
):
    with_block = slab(0) | block()
    click(editing, ids[0], block())
    change(editor, ids[0])
    changed = masks()[ids[0]]
    for _ in range(2):
        with pytest.raises(InputError, match="Take that back first, with undo in the Segment Editor"):
            editing.undo()
        assert np.array_equal(masks()[ids[0]], changed) and editing.can_undo
    editor.paint(ids[0], with_block)
    editor.paint(ids[0], ~with_block, erase=True)
    editing.undo()
    assert np.array_equal(masks()[ids[0]], slab(0))


def corner_of_block() -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[4, 3, 3] = True
    return mask


def test_a_stroke_beside_a_step_stays_when_the_step_is_undone(editing, editor, ids, masks):
    click(editing, ids[0], block())
    stroke = np.zeros(SHAPE, bool)
    stroke[4, 3:6, 6] = True
    editor.paint(ids[0], stroke)
    assert "changed by other means since" in editing.undo()
    assert np.array_equal(masks()[ids[0]], slab(0) | stroke)


def test_undo_and_redo_that_change_nothing_say_so(editing, editor, segmentation_node, ids, masks):
    with editing.step():
        segmentation_node.GetSegmentation().GetSegment(ids[0]).SetTag(PROMPTS_TAG, "a prompt")
    for go in (editing.undo, editing.redo):
        assert go() == "No voxel was changed: the prompt of this step had changed none."
    click(editing, ids[0], block())
    editor.paint(ids[0], ~slab(0), erase=True)
    segmentation_node.GetSegmentation().RemoveSegment(ids[0])
    assert editing.undo() == "Nothing was changed: other means had undone or redone this already."
