"""A hundred random stories of a scene that changes beside a running job, at every stage of it.

Whatever happens, nothing fails, results go where they were asked for or nowhere, and nothing is left behind.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import lru_cache
from threading import Timer
from typing import Any

import numpy as np
import pytest

qt = pytest.importorskip("qt", reason="no Qt: see CONTRIBUTING.md for the libraries that it needs")
slicer = pytest.importorskip("slicer")
from host import module_manager
from host.mrml_nodes import add_masks, add_scan, add_segmentation, full_mask, tilted
from panel_case import load_scene, save_scene
from scene_contents import contents_of, is_ours, left_behind, segment_voxels, voxels_of
from stepped_model import SteppedModels, Stops, bring_to

from vistaseg.workspace.tasks import STOPPED_NOTE

STORIES, STEPS = 100, 3
STAGES = ("queued", "loading", "computing", "arrived", "idle")
FIRST, SECOND = (30, 24, 32), (28, 26, 30)
PLACES = {300: (40.0, 10.0, -20.0), 600: (-40.0, 10.0, 33.0), 900: (-40.0, 10.0, 20.0)}
CLASSES = {300: "3", 600: "5", 900: "14"}


@pytest.fixture
def stops():
    stops = Stops()
    yield stops
    stops.release()


@pytest.fixture
def models(stops):
    return SteppedModels(stops)


@pytest.fixture
def story(panel, models, stops, phantom, tmp_path, monkeypatch):
    from VistaSegLib import Models

    installed = lru_cache(lambda _choice: ())
    monkeypatch.setattr(Models, "missingWeights", installed)
    return Story(panel, models, stops, phantom, tmp_path)


class Story:
    """One user and a scene with two scans.

    Attributes:
        told: what was done, for the message of a failure.
    """

    def __init__(self, panel: Any, models: SteppedModels, stops: Stops, phantom: Any, folder: Any) -> None:
        self.panel, self.models, self.stops, self.folder = panel, models, stops, folder
        self.phantoms = [phantom(shape, tilted(shape, (-6.0, 7.0, 6.0))) for shape in (FIRST, SECOND)]
        self.random = random.Random()
        self.told: list[str] = []
        self.saved = 0
        self.other = self._save_other()
        self.fill_scene()

    # What is there

    @property
    def selection(self) -> Any:
        return self.panel.selection

    @property
    def workspace(self) -> Any:
        return self.panel.workspace

    @property
    def interactive(self) -> Any:
        return self.panel.sections["InteractiveSection"]

    def fill_scene(self) -> None:
        """Two scans; the first is chosen."""
        for name, volume in zip(("CT of A", "CT of B"), self.phantoms, strict=True):
            node = add_scan(volume)
            node.SetName(name)
            slicer.util.arrayFromVolume(node)[0, 0, 0] = 32000  # so that a word on the scan is said as well
            slicer.util.arrayFromVolumeModified(node)
        self.ready(slicer.util.getNode("CT of A"))

    def ready(self, volume: Any = None) -> None:
        """A scan and a model are chosen, as after a user has looked at a new scene."""
        self.selection.parameters.modelChoice = self.random.choice(["demo", "vista3d"])
        self.selection.parameters.answerAtOnce = True
        if volume is not None:
            self.selection.volumeNode = volume

    def _save_other(self) -> str:
        """Another patient's scene, whose nodes have the same ids as those of the first."""
        scan = add_scan(self.phantoms[1])
        scan.SetName("CT of C")
        segmentation = add_segmentation(scan)
        add_masks(segmentation, scan, slicer.util.arrayFromVolume(scan) == 900)
        (self.folder / "other").mkdir()
        path = save_scene(self.folder / "other")
        slicer.mrmlScene.Clear(0)
        return path

    def masks(self) -> dict[tuple[str, str], bytes]:
        """(Segmentation, segment) → its voxels, of the scene."""
        return segment_voxels()

    def segmentations(self) -> set[str]:
        return {node.GetID() for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode")}

    def settle(self) -> None:
        """Let the application work until nothing is left to do."""
        quiet, polls = 0, 0
        while quiet < 4:
            polls += 1
            assert polls < 4000, "it does not come to rest"
            slicer.app.processEvents()
            time.sleep(0.001)  # lends Python's lock to the worker
            results = self.panel.sections["ResultsSection"]
            quiet = 0 if self.workspace.busy or results.isMeasuring else quiet + 1

    # What is asked for

    def job(self) -> Callable[[], Any]:
        """Choose what to ask for; returns what asks for it."""
        value = self.random.choice(list(PLACES))
        return self.random.choice(
            [lambda: Automatic(self, value), lambda: Click(self, value), lambda: New(self, value)]
        )

    # What happens meanwhile: whether the result is still wanted

    def nothing(self) -> bool:
        return True

    def switch_model(self) -> bool:
        now = self.selection.parameters.modelChoice
        self.selection.parameters.modelChoice = "demo" if now == "vista3d" else "vista3d"
        return True

    def switch_volume(self) -> bool:
        nodes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
        others = [node for node in nodes if node is not self.selection.volumeNode]
        self.selection.volumeNode = self.random.choice(others) if others else add_scan(self.phantoms[1])
        return True

    def leave_and_return(self) -> bool:
        self.panel.exit()
        slicer.app.processEvents()
        self.panel.enter()
        return True

    def add_scene(self) -> bool:
        """Open another scene without closing this one."""
        slicer.mrmlScene.SetURL(self.other)
        assert slicer.mrmlScene.Import()
        return True

    def cancel(self) -> bool:
        self.panel.sections["ProgressSection"].ui.cancelButton.click()
        return False

    def close_scene(self) -> bool:
        slicer.mrmlScene.Clear(0)
        return False

    def load_other(self) -> bool:
        load_scene(self.other)
        return False

    def load_own(self) -> bool:
        """Save the scene as it is while the job runs, and load it."""
        self.saved += 1
        folder = self.folder / f"own{self.saved}"
        folder.mkdir()
        load_scene(save_scene(folder))
        return False

    def load_bundle(self) -> bool:
        """As `load_own`, from a scene in one file."""
        self.saved += 1
        path = str(self.folder / f"own{self.saved}.mrb")
        assert slicer.mrmlScene.WriteToMRB(path)
        assert slicer.mrmlScene.ReadFromMRB(path, True)
        return False

    def delete_volume(self) -> bool:
        slicer.mrmlScene.RemoveNode(self.selection.volumeNode)
        return False

    def delete_segmentation(self) -> bool:
        slicer.mrmlScene.RemoveNode(self.selection.segmentationNode)
        return False

    def reload(self) -> bool:
        self.panel = module_manager.reload_widget("VistaSeg").panel
        return False

    def quit(self) -> bool:
        """What comes when the application ends: the signal, then the panels, then the scene."""
        from vistaseg.workspace import Workspace
        from VistaSegLib import Host

        before = self.masks()
        thread = self.workspace._tasks._worker._thread
        release = Timer(0.05, self.stops.release)
        release.start()
        Host.close()
        release.join()  # it would release what the next step holds
        assert not thread.is_alive() and not self.workspace.busy
        module_manager.close_widget("VistaSeg")
        assert self.masks().items() <= before.items()
        slicer.mrmlScene.Clear(0)
        Host.use(Workspace(slicer.mrmlScene, self.models.__getitem__))
        self.panel = module_manager.open_widget("VistaSeg").panel
        return False

    EVENTS = (
        nothing, switch_model, switch_volume, leave_and_return, add_scene, cancel, close_scene, load_other, load_own,
        load_bundle, delete_volume, delete_segmentation, reload, quit,
    )  # fmt: skip

    # One step

    def step(self) -> None:
        stage, event = self.random.choice(STAGES), self.random.choice(self.EVENTS)
        job = self.job()()
        self.told.append(f"{type(job).__name__} of {job.value}, {stage}: {event.__name__}")
        if stage == "idle":
            job.start()
            self.settle()
        else:
            bring_to(stage, self.stops, self.workspace, job.start)
            if self.random.random() < 0.5 and stage != "arrived":
                slicer.app.processEvents()  # the panel shows how far it is
        job.begun()
        self.happen(event, stage, job)

    def happen(self, event: Callable[[Any], bool], stage: str, job: Any) -> None:
        gone = job.nodes()
        wanted = event(self)
        kept = {node.GetID(): node for node in gone if slicer.mrmlScene.IsNodePresent(node)}
        removed = [node for node in gone if node.GetID() not in kept]
        before, contents = self.masks(), [contents_of(node) for node in removed]
        self.stops.release()
        self.settle()
        after = self.masks()
        if stage == "idle":
            assert after == before
        elif wanted:
            job.check_written()
            job.check_nothing_else(before, after)
        else:
            assert {key: voxels for key, voxels in after.items() if voxels} == {
                key: voxels for key, voxels in before.items() if voxels
            }
            job.check_nothing_left()
        assert [contents_of(node) for node in removed] == contents
        self.check(event, stage)

    def check(self, event: Any, stage: str) -> None:
        """What holds after anything."""
        from VistaSegLib import Editing, Host

        messages = self.workspace.messages
        assert not [message.details for message in messages.all if message.details]
        if event in (Story.close_scene, Story.load_other, Story.load_own, Story.load_bundle):
            assert messages.all == ()
        elif event in (Story.delete_volume, Story.delete_segmentation) and stage != "idle":
            assert STOPPED_NOTE in [message.text for message in messages.all]
        assert self.workspace.task is None and not Host._host._running
        assert self.panel.sections["ProgressSection"].ui.stageLabel.text == "Nothing is running."
        for volume, segmentation, _editing in Editing._steps._made.values():
            assert slicer.mrmlScene.IsNodePresent(volume) and slicer.mrmlScene.IsNodePresent(segmentation)
        for target, link in self.workspace._links._links.items():
            assert target.segmentation(slicer.mrmlScene) is not None and not link.busy and not link.pending
        assert all(link.node.GetScene() is not None for link in self.workspace._volumes._sessions.values())
        watched = self.workspace._written._watched if self.workspace._written is not None else ()
        assert set(watched) <= self.segmentations()

    def check_usable(self) -> None:
        """A click on a new object makes one more segment, which is exactly what was clicked on."""
        if self.selection.volumeNode is None:
            self.ready(add_scan(self.phantoms[0]))
        self.ready()
        before, volume = self.masks(), self.selection.volumeNode
        job = New(self, 300)
        job.start()
        job.begun()
        self.settle()
        job.check_written()
        assert len(self.masks()) == len(before) + 1
        self.selection.editing.undo()
        assert {key: voxels for key, voxels in self.masks().items() if voxels} == {
            key: voxels for key, voxels in before.items() if voxels
        }
        assert self.selection.volumeNode is volume


class Job:
    """Something that is asked for in the chosen scan.

    Attributes:
        value: HU of what it is about.
    """

    def __init__(self, story: Story, value: int) -> None:
        self.story, self.value = story, value
        self.volume, self.segmentation = story.selection.volumeNode, story.selection.segmentationNode
        self.was_there = story.segmentations()

    def start(self) -> None:
        raise NotImplementedError

    def begun(self) -> None:
        """Take down where the result is to go."""
        self.segmentation = self.story.selection.segmentationNode

    def nodes(self) -> list[Any]:
        return [self.volume, self.segmentation]

    @property
    def region(self) -> np.ndarray:
        return slicer.util.arrayFromVolume(self.volume) == self.value

    def holds(self, segment_id: str) -> bool:
        return np.array_equal(full_mask(self.segmentation, segment_id, self.volume), self.expected)

    @property
    def expected(self) -> np.ndarray:
        return self.region

    def ids(self) -> list[str]:
        return list(self.segmentation.GetSegmentation().GetSegmentIDs())

    def check_written(self) -> None:
        assert any(map(self.holds, self.ids()))

    def check_nothing_else(self, before: dict, after: dict) -> None:
        """No other segmentation has changed."""
        own = self.segmentation.GetID()
        assert {key: each for key, each in after.items() if key[0] != own} == {
            key: each for key, each in before.items() if key[0] != own
        }

    def check_nothing_left(self) -> None:
        """No segmentation that was made for the job is there, empty."""
        for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
            is_empty = not any(voxels_of(node, each) for each in node.GetSegmentation().GetSegmentIDs())
            assert not is_empty, f"{node.GetName()} is left, empty"


class Automatic(Job):
    """A structure by its name, in all of the scan."""

    def start(self) -> None:
        self.story.selection.parameters.classIds = CLASSES[self.value]
        self.story.panel.sections["AutomaticSection"].ui.segmentButton.click()


class Click(Job):
    """A click on the segment that is chosen, or on a new one where none is."""

    def __init__(self, story: Story, value: int) -> None:
        super().__init__(story, value)
        self.positive = True
        self.segment_id = story.selection.segmentId
        self.before = full_mask(self.segmentation, self.segment_id, self.volume) if self.segment_id else None

    def start(self) -> None:
        self.story.interactive._onPoint(PLACES[self.value], self.positive, [])

    def begun(self) -> None:
        super().begun()
        self.segment_id = self.segment_id or self.story.selection.segmentId

    @property
    def expected(self) -> np.ndarray:
        return self.region if self.before is None else self.before | self.region

    def check_written(self) -> None:
        assert self.holds(self.segment_id)


class New(Click):
    """A click on a new object."""

    def __init__(self, story: Story, value: int) -> None:
        story.interactive.ui.nextButton.click()
        super().__init__(story, value)


@pytest.mark.parametrize("seed", range(STORIES))
def test_any_story(story, monkeypatch, seed):
    caught: list[Any] = []
    monkeypatch.setattr("sys.excepthook", lambda *error: caught.append(error) if is_ours(error[2]) else None)
    story.random.seed(seed)
    try:
        for _ in range(STEPS):
            if story.selection.volumeNode is None:
                story.fill_scene()
            story.ready()
            story.step()
        assert not left_behind()
        story.check_usable()
    except AssertionError as error:
        raise AssertionError(f"{story.told}: {error}") from error
    assert not caught, (story.told, caught)
