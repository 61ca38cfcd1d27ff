"""Whatever is done in whatever order: nothing fails, nothing is lost, and scene and session agree in the end."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import slicer
import vtk
from fake_model import FakeModel
from workspace_case import Desk

from vistaseg.errors import InputError
from vistaseg.geometry.box import VoxelBox
from vistaseg.masks.boxed import BoxedMask, MaskChange
from vistaseg.mrml.editing import SegmentEditing
from vistaseg.mrml.transforms import array_from_matrix
from vistaseg.mrml.writing import labelmap_of
from vistaseg.prompts import Point
from vistaseg.workspace import SegmentReference

PLACES = ((0.0, 0.0, 0.0), (-40.0, 10.0, 33.0), (40.0, 10.0, -20.0), (-40.0, 10.0, 20.0), (300.0, 0.0, 0.0))
STEPS = 40


class User:
    """Does one thing after the other to two segments."""

    def __init__(self, desk: Desk, seed: int) -> None:
        self.desk, self.random = desk, random.Random(seed)
        self.editor = _editor_of(desk)
        desk.editing = SegmentEditing(desk.segmentation_node, desk.volume_node, None, self.editor.SaveStateForUndo)
        self.targets = [desk.target("one"), desk.target("two")]
        self.turned = np.eye(4)

    def act(self) -> None:
        """Any one of what a user may do."""
        actions: list[Callable[[], None]] = [
            *[self.click] * 4, self.paint, self.undo, self.redo, self.wait, self.wait, self.cancel, self.remove_prompt,
            self.clear, self.segment, self.delete, self.look, self.paint_in_editor, self.add_in_editor,
            self.unite_in_editor, self.undo_in_editor, self.harden,
        ]  # fmt: skip
        self.random.choice(actions)()
        if self.random.random() < 0.5:
            self.desk.workspace.poll()

    def target(self) -> SegmentReference:
        return self.random.choice(self.targets)

    def click(self) -> None:
        point = Point(self.place(self.random.choice(PLACES)), self.random.random() < 0.7)
        self.desk.workspace.prompt(self.target(), point, self.desk.editing)

    def place(self, ras: tuple[float, float, float]) -> tuple[float, float, float]:
        """Where a place of the phantom lies after transforms were hardened."""
        r, a, s = (self.turned @ [*ras, 1])[:3].tolist()
        return r, a, s

    def paint(self) -> None:
        start = tuple(self.random.randrange(size - 4) for size in self.desk.volume.shape_ijk)
        extent = VoxelBox(start, tuple(first + 3 for first in start))
        everything = np.ones(extent.shape_kji, bool)
        add = self.random.random() < 0.6
        change = MaskChange.in_box(everything if add else ~everything, everything ^ add, extent)
        with self.desk.editing.step():
            self.desk.editing.apply(self.target().segment_id, change)

    def undo(self) -> None:
        self.step(self.desk.editing.undo, self.desk.editing._steps._undone)

    def redo(self) -> None:
        self.step(self.desk.editing.redo, self.desk.editing._steps._done)

    def step(self, go: Callable[[], str], went: list[Any]) -> None:
        """Undo or redo; nothing changes but in segments of that step."""
        before = self.masks()
        try:
            go()
        except InputError as error:  # after a transform was hardened, or somebody painted there
            assert "lie elsewhere since" in str(error) or "changed by other means since, where" in str(error)
            assert self.masks() == before
            return
        own = {part.segment_id for part in went[-1]} if went else set()
        now = self.masks()
        assert {each for each in before.keys() | now.keys() if before.get(each) != now.get(each)} <= own
        self.restore_missing()

    def masks(self) -> dict[str, bytes]:
        ids = self.desk.segmentation_node.GetSegmentation().GetSegmentIDs()
        return {each: self.desk.mask(self.desk.target_of(each)).tobytes() for each in ids}

    def paint_in_editor(self) -> None:
        mask = np.zeros(self.desk.volume.array.shape, bool)
        mask[self.random.randrange(len(mask)), 3:6] = True
        self.write_in_editor(self.target(), mask, self.random.random() < 0.3)

    def unite_in_editor(self) -> None:
        self.write_in_editor(self.targets[0], self.desk.mask(self.targets[1]), False)

    def write_in_editor(self, target: SegmentReference, mask: np.ndarray, erase: bool) -> None:
        node = self.desk.segmentation_node
        mode = self.editor.ModificationModeRemove if erase else self.editor.ModificationModeAdd
        self.editor.SaveStateForUndo()
        labelmap = labelmap_of(BoxedMask(mask, VoxelBox.whole(self.desk.volume.shape_ijk)), self.desk.volume_node, node)
        self.editor.ModifySegmentByLabelmap(node, target.segment_id, labelmap, mode, False, True)

    def add_in_editor(self) -> None:
        self.editor.SaveStateForUndo()
        self.desk.segmentation_node.GetSegmentation().AddEmptySegment("", "by hand")

    def undo_in_editor(self) -> None:
        if self.editor.CanUndo():
            self.editor.Undo()
        self.restore_missing()

    def harden(self) -> None:
        """A small turn of the scan and its segments."""
        if self.random.random() < 0.7:
            return
        turn = vtk.vtkTransform()
        turn.RotateWXYZ(self.random.uniform(-2, 2), 0.1, 0.3, 0.9)
        transform = self.desk.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        transform.SetMatrixTransformToParent(turn.GetMatrix())
        for node in (self.desk.volume_node, self.desk.segmentation_node):
            node.SetAndObserveTransformNodeID(transform.GetID())
            slicer.vtkSlicerTransformLogic.hardenTransform(node)
        self.turned = array_from_matrix(turn.GetMatrix()) @ self.turned

    def wait(self) -> None:
        self.desk.finish()

    def cancel(self) -> None:
        self.desk.workspace.cancel()

    def remove_prompt(self) -> None:
        target = self.target()
        count = len(self.desk.workspace.prompts(target))
        if count:
            self.desk.workspace.remove_prompt(target, self.random.randrange(count), self.desk.editing)

    def clear(self) -> None:
        self.desk.workspace.clear(self.target(), self.desk.editing)

    def segment(self) -> None:
        self.desk.workspace.segment(
            self.desk.volume_node, self.desk.segmentation_node, [1, 3], writer=self.desk.editing
        )

    def delete(self) -> None:
        if self.random.random() < 0.3:
            gone = self.target()
            self.desk.segmentation_node.GetSegmentation().RemoveSegment(gone.segment_id)
            self.restore_missing()

    def look(self) -> None:
        for target in self.targets:
            self.desk.workspace.prompts(target)

    def restore_missing(self) -> None:
        """A segment that is gone, by deletion or undo, makes place for a new one."""
        self.targets = [
            target if target.segment(self.desk.scene) is not None else self.desk.target() for target in self.targets
        ]


def _editor_of(desk: Desk) -> Any:
    """The logic of a Segment Editor on the segmentation, with an undo of its own."""
    node = desk.scene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
    node.SetOverwriteMode(node.OverwriteNone)
    logic = slicer.vtkSlicerSegmentEditorLogic()
    logic.SetMRMLScene(desk.scene)
    logic.SetSegmentEditorNode(node)
    node.SetAndObserveSegmentationNode(desk.segmentation_node)
    node.SetAndObserveSourceVolumeNode(desk.volume_node)
    return logic


@pytest.mark.parametrize("seed", range(40))
def test_any_sequence(desk: Desk, models: dict[str, FakeModel], seed: int) -> None:
    models["fake"].seconds_a_window = 0.001
    user = User(desk, seed)
    for _ in range(STEPS):
        user.act()
    desk.finish()
    user.editor.SetSegmentEditorNode(None)
    assert not [message for message in desk.workspace.messages.all if message.details]
    for target in user.targets:
        desk.workspace.prompt(target, Point(user.place(PLACES[2])), desk.editing)
        desk.finish()
        whole = desk.mask(target)
        assert whole[desk.volume.array == 300].all()
        agrees_with_session(desk, target, whole)


def agrees_with_session(desk: Desk, target: SegmentReference, whole: np.ndarray) -> None:
    session = desk.workspace._volumes.get(target.volume_id).current
    answer = session.result(target.key)
    known = np.zeros_like(whole)
    known[answer.mask.box.slices_kji] = answer.mask.array
    assert np.array_equal(known, whole)
