"""A hundred users, each doing one thing after the other: nothing fails, and nothing is left behind."""

from __future__ import annotations

import gc
import random
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

qt = pytest.importorskip("qt", reason="no Qt: see CONTRIBUTING.md for the libraries that it needs")
slicer = pytest.importorskip("slicer")
from host import module_manager

STORIES, STEPS = 100, 12
PLACES = ((0.0, 0.0, 0.0), (-40.0, 10.0, 33.0), (40.0, 10.0, -20.0), (-40.0, 10.0, 20.0), (300.0, 0.0, 0.0))


class Story:
    """One user, and the panel as it is now."""

    def __init__(self, panel: Any, add_ct: Callable[[], Any], wait_until: Any, path: str, seed: int) -> None:
        self.panel, self.add_ct, self.wait_until, self.path = panel, add_ct, wait_until, path
        self.random = random.Random(seed)
        self.told: list[str] = []
        self.panel.selection.volumeNode = add_ct()

    def act(self) -> None:
        actions = [
            *[self.click] * 4, self.segment, self.segment, self.type, self.wait, self.cancel, self.undo, self.redo,
            self.select, self.remove_prompt, self.clear, self.next_object, self.delete_segment, self.delete_volume,
            self.delete_segmentation, self.close_scene, self.leave, self.reload, self.save_and_load, self.collect,
        ]  # fmt: skip
        action = self.random.choice(actions)
        self.told.append(action.__name__)
        action()
        if self.random.random() < 0.5:
            slicer.app.processEvents()

    @property
    def selection(self) -> Any:
        return self.panel.selection

    @property
    def interactive(self) -> Any:
        return self.panel.sections["InteractiveSection"]

    def click(self) -> None:
        if not self.interactive.whyNot():
            self.interactive._onPoint(self.random.choice(PLACES), self.random.random() < 0.7, [])

    def type(self) -> None:
        self.interactive.ui.textLine.text = self.random.choice(["liver", "left kidney", "no such thing"])
        self.interactive.ui.textLine.returnPressed.emit()

    def segment(self) -> None:
        self.selection.parameters.classIds = self.random.choice(["1", "3 5", "1 3 5 14"])
        self.panel.sections["AutomaticSection"].ui.segmentButton.click()

    def wait(self) -> None:
        self.wait_until(lambda: not self.panel.workspace.busy)

    def cancel(self) -> None:
        self.panel.sections["ProgressSection"].ui.cancelButton.click()

    def undo(self) -> None:
        self.interactive.ui.undoButton.click()

    def redo(self) -> None:
        self.interactive.ui.redoButton.click()

    def remove_prompt(self) -> None:
        if self.interactive._prompting.answered:
            self.interactive._prompting.remove(0)

    def clear(self) -> None:
        self.interactive.ui.clearButton.click()

    def next_object(self) -> None:
        self.interactive.ui.nextButton.click()

    def collect(self) -> None:
        self.interactive.ui.answerAtOnceBox.click()

    def select(self) -> None:
        ids = self.segment_ids()
        if ids:
            self.selection.segmentId = self.random.choice(ids)

    def segment_ids(self) -> list[str]:
        node = self.selection.segmentationNode
        return [] if node is None else list(node.GetSegmentation().GetSegmentIDs())

    def delete_segment(self) -> None:
        ids = self.segment_ids()
        if ids:
            self.selection.segmentationNode.GetSegmentation().RemoveSegment(self.random.choice(ids))

    def delete_volume(self) -> None:
        if self.selection.volumeNode is not None:
            slicer.mrmlScene.RemoveNode(self.selection.volumeNode)
        self.selection.volumeNode = self.add_ct()

    def delete_segmentation(self) -> None:
        if self.selection.segmentationNode is not None:
            slicer.mrmlScene.RemoveNode(self.selection.segmentationNode)

    def close_scene(self) -> None:
        slicer.mrmlScene.Clear(0)
        assert self.selection.volumeNode is None
        self.selection.parameters.modelChoice = "demo"
        self.selection.volumeNode = self.add_ct()

    def leave(self) -> None:
        self.panel.exit()
        slicer.app.processEvents()
        self.panel.enter()

    def reload(self) -> None:
        self.panel = module_manager.reload_widget("VistaSeg").panel

    def save_and_load(self) -> None:
        ids = self.segment_ids()
        slicer.mrmlScene.SetURL(self.path)
        slicer.mrmlScene.Commit(self.path)
        slicer.mrmlScene.Clear(0)
        slicer.mrmlScene.SetURL(self.path)
        slicer.mrmlScene.Import()
        assert self.selection.parameters.modelChoice == "demo"
        assert len(self.selection.segmentationNode.GetSegmentation().GetSegmentIDs() if ids else []) <= len(ids)
        # Voxels are in files of their own, which this scene does not write.
        slicer.mrmlScene.RemoveNode(self.selection.volumeNode)
        self.selection.volumeNode = self.add_ct()


@pytest.mark.parametrize("seed", range(STORIES))
def test_any_story(panel, add_ct, models, wait_until, tmp_path, monkeypatch, seed):
    caught = []
    monkeypatch.setattr("sys.excepthook", lambda *error: caught.append(error))
    models["demo"].seconds_a_window = 0.002
    story = Story(panel, add_ct, wait_until, str(tmp_path / "scene.mrml"), seed)
    for _ in range(STEPS):
        story.act()
    story.wait()
    messages = story.panel.workspace.messages.all
    assert not [message.details for message in messages if message.level == "error" and message.details], story.told
    assert not caught, story.told
    still_works(story)


def still_works(story: Story) -> None:
    """After everything, a click on a new object makes one more segment, which is exactly what was clicked on."""
    story.selection.parameters.answerAtOnce = True
    story.next_object()
    story.clear()  # what was collected for a new object and never asked
    # The segment of a click that nothing came of is taken back once the application is idle, and not before.
    slicer.app.processEvents()
    before = story.segment_ids()
    story.interactive._onPoint((40.0, 10.0, -20.0), True, [])
    story.wait()
    assert story.segment_ids() == [*before, story.selection.segmentId], story.told
    volume = story.selection.volumeNode
    mask = slicer.util.arrayFromSegmentBinaryLabelmap(
        story.selection.segmentationNode, story.selection.segmentId, volume
    )
    assert np.array_equal(mask, slicer.util.arrayFromVolume(volume) == 300), story.told


def test_nothing_is_left_of_a_panel_that_was_closed(scene, panel, add_ct, wait_until):
    panel.selection.volumeNode = add_ct()
    nodes = {scene.GetNthNode(at).GetID() for at in range(scene.GetNumberOfNodes())}
    another = module_manager.reload_widget("VistaSeg").panel
    another.sections["InteractiveSection"]._onPoint((40.0, 10.0, -20.0), True, [])
    wait_until(lambda: not another.workspace.busy)
    another.selection.segmentationNode.GetSegmentation().RemoveAllSegments()
    slicer.mrmlScene.RemoveNode(another.selection.segmentationNode)
    old = weakref.ref(another.selection)
    panel_of_now = module_manager.reload_widget("VistaSeg").panel
    another = None
    slicer.app.processEvents()
    gc.collect()
    left = {scene.GetNthNode(at) for at in range(scene.GetNumberOfNodes())}
    strange = [node.GetClassName() for node in left if node.GetID() not in nodes and not _belongs(node)]
    assert not strange
    assert old() is None or old().parameters is None
    assert panel_of_now.selection.volumeNode is not None


def _belongs(node: Any) -> bool:
    """What the scene keeps of a segmentation that was removed from it."""
    return node.GetClassName() in ("vtkMRMLScriptedModuleNode", "vtkMRMLSegmentationDisplayNode")
