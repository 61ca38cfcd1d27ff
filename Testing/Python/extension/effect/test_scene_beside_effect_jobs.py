"""Random stories of a scene that changes beside a job of the effect, at every stage of it."""

from __future__ import annotations

import random
import time
from typing import Any

import numpy as np
import pytest
import slicer
from host.mrml_nodes import add_masks, add_scan, add_segmentation, tilted
from panel_case import load_scene, save_scene
from scene_contents import contents_of, is_ours, left_behind, segment_voxels
from stepped_model import SteppedModels, Stops, bring_to

STORIES, STEPS = 30, 3
STAGES = ("queued", "loading", "computing", "arrived", "idle")
SHAPE = (30, 24, 32)
VALUES = {"body": 40, "left": 600, "right": 300}


@pytest.fixture
def stops() -> Any:
    stops = Stops()
    yield stops
    stops.release()


@pytest.fixture
def story(make_bench: Any, phantom: Any, stops: Stops, tmp_path: Any) -> Story:
    volume = phantom(SHAPE, tilted(SHAPE, (-6.0, 7.0, 6.0)))
    scan = add_scan(volume)
    add_masks(add_segmentation(scan), scan, volume.array == 900)
    for view in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
        view.SetSaveWithScene(False)  # one without a named orientation, as here, is not read without an error
    other = save_scene(tmp_path)
    slicer.mrmlScene.Clear(0)
    return Story(make_bench(volume, SteppedModels(stops).__getitem__), stops, other)


class Story:
    """One user of the editor.

    Attributes:
        told: what was done, for the message of a failure.
    """

    def __init__(self, bench: Any, stops: Stops, other: str) -> None:
        self.bench, self.stops, self.other = bench, stops, other
        self.random = random.Random()
        self.told: list[str] = []

    # What happens meanwhile: whether the answer is still wanted

    def nothing(self) -> bool:
        return True

    def switch_model(self) -> bool:
        now = self.bench.workspace.models
        self.bench.workspace.models = ("other",) if now == ("demo",) else ("demo",)
        return True

    def select_another(self) -> bool:
        self.bench.editor.node.SetSelectedSegmentID(self.bench.segments["b"])
        return True

    def close_scene(self) -> bool:
        slicer.mrmlScene.Clear(0)
        return False

    def load_other(self) -> bool:
        load_scene(self.other)
        return False

    def delete_volume(self) -> bool:
        slicer.mrmlScene.RemoveNode(self.bench.volumeNode)
        return False

    def delete_segmentation(self) -> bool:
        slicer.mrmlScene.RemoveNode(self.bench.segmentationNode)
        return False

    def delete_segment(self) -> bool:
        self.bench.segmentationNode.GetSegmentation().RemoveSegment(self.bench.segments["a"])
        return False

    def leave_and_return(self) -> bool:
        self.bench.editor.deactivate()
        self.bench.editor.activate()
        return False

    def switch_segmentation(self) -> bool:
        another = add_segmentation(self.bench.volumeNode)
        another.GetSegmentation().AddEmptySegment("a", "a")
        self.bench.editor.choose(self.bench.volumeNode, another, "a")
        return False

    def cancel(self) -> bool:
        self.bench.workspace.cancel()
        return False

    EVENTS = (
        nothing, switch_model, select_another, close_scene, load_other, delete_volume, delete_segmentation,
        delete_segment, leave_and_return, switch_segmentation, cancel,
    )  # fmt: skip

    def step(self) -> None:
        bench = self.bench
        place, stage = self.random.choice(list(VALUES)), self.random.choice(STAGES)
        event = self.random.choice(self.EVENTS)
        self.told.append(f"{place}, {stage}: {event.__name__}")
        before = bench.mask("a")
        target, expected = bench.target("a"), before | (bench.volume.array == VALUES[place])
        at = bench.at(place)
        if stage == "idle":
            bench.mouse.click(at)
            bench.finish()
        else:
            bring_to(stage, self.stops, bench.workspace, lambda: bench.mouse.click(at))
        nodes = [bench.volumeNode, bench.segmentationNode]
        wanted = event(self)
        removed = [node for node in nodes if not slicer.mrmlScene.IsNodePresent(node)]
        was, contents = segment_voxels(), [contents_of(node) for node in removed]
        self.stops.release()
        bench.finish()
        self.settle()
        if stage != "idle" and wanted:
            assert np.array_equal(bench.mask("a"), expected)
            key = target.segmentation_id, target.segment_id
            assert {k: v for k, v in segment_voxels().items() if k != key} == {k: v for k, v in was.items() if k != key}
        else:
            assert segment_voxels() == was
        assert [contents_of(node) for node in removed] == contents
        self.check()

    def settle(self) -> None:
        for _ in range(4):
            slicer.app.processEvents()
            time.sleep(0.001)

    def check(self) -> None:
        """What holds after anything."""
        workspace = self.bench.workspace
        assert workspace.task is None
        assert not [message.details for message in workspace.messages.all if message.details]
        for target, link in workspace._links._links.items():
            assert target.segmentation(slicer.mrmlScene) is not None and not link.busy and not link.pending
        assert all(one.node.GetScene() is not None for one in workspace._volumes._sessions.values())
        assert not left_behind()

    def check_usable(self) -> None:
        """After everything, a click in a new scene is answered."""
        self.bench.renew()
        self.bench.mouse.click(self.bench.at("right"))
        self.bench.finish()
        assert np.array_equal(self.bench.mask("a"), self.bench.volume.array == VALUES["right"])


@pytest.mark.parametrize("seed", range(STORIES))
def test_any_story(story: Story, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    caught: list[Any] = []
    monkeypatch.setattr("sys.excepthook", lambda *error: caught.append(error) if is_ours(error[2]) else None)
    story.random.seed(seed)
    try:
        for _ in range(STEPS):
            story.bench.renew()
            story.step()
        story.check_usable()
    except AssertionError as error:
        raise AssertionError(f"{story.told}: {error}") from error
    assert not caught, (story.told, caught)
