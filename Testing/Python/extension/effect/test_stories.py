"""Random stories of a user: the editor and the sessions stay in step, whatever comes in whatever order."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import slicer
from fake_model import FakeModel
from host.mrml_nodes import add_scan, add_segmentation

SHAPE = (16, 12, 17)
STORIES, AT_ONCE, STEPS = 500, 50, 6
PLACES = ("body", "left", "right")
from vistaseg.geometry.box import VoxelBox


class Story:
    """One user, and what must hold after each thing that they do."""

    def __init__(self, bench: Any, seed: int) -> None:
        self.bench, self.random = bench, random.Random(seed)
        bench.renew()

    def run(self) -> None:
        for step in self._steps():
            step()
            self._rest()
            self._check()

    def paint(self) -> None:
        mask = self.bench.mask(self._name)
        first = self.random.randrange(SHAPE[0] - 2)
        mask[:, :, first : first + 2] ^= True
        self.bench.editor.effect.saveStateForUndo()
        self.bench.fill(self._name, mask)

    def click(self) -> None:
        others = {name: self.bench.mask(name) for name in self.bench.segments if name != self._name}
        self.bench.mouse.click(self.bench.at(self.random.choice(PLACES)), ctrl=self.random.random() < 0.3)
        self._rest()
        assert all(np.array_equal(self.bench.mask(name), mask) for name, mask in others.items())

    def undo_and_redo(self) -> None:
        before = self._everything()
        if not self.bench.editor.can_undo:
            return
        self.undo()
        self._check()
        if not self.bench.editor.can_redo:  # as after an undo that has changed the order of the segments
            return
        self.redo()
        self._check()
        assert self._everything() == before

    def undo(self) -> None:
        self.bench.editor.undo()
        self._note_segments()

    def redo(self) -> None:
        self.bench.editor.redo()
        self._note_segments()

    def select(self) -> None:
        self.bench.editor.node.SetSelectedSegmentID(self.random.choice(list(self.bench.segments.values())))

    def delete(self) -> None:
        if len(self.bench.segments) > 1:
            self.bench.editor.remove_segment()
            self._note_segments()

    def click_and_go_on(self) -> None:
        """Something else is done before the answer comes."""
        self.bench.mouse.click(self.bench.at(self.random.choice(PLACES)))
        self.random.choice((self.select, self.undo, self.switch_segmentation, self.paint, self.reactivate))()

    def switch_segmentation(self) -> None:
        self.bench.segmentationNode = add_segmentation(self.bench.volumeNode)
        self.bench.segments = {name: self.bench.add_segment(name) for name in "ab"}
        self._choose()

    def switch_volume(self) -> None:
        self.bench.volumeNode = add_scan(self.bench.volume)
        self._choose()

    def reactivate(self) -> None:
        self.bench.editor.deactivate()
        self.bench.editor.activate()

    def close_scene(self) -> None:
        self.bench.renew()

    def _steps(self) -> Iterator[Any]:
        often = (self.click, self.click, self.click, self.paint, self.undo, self.redo, self.undo_and_redo, self.select)
        seldom = (self.delete, self.switch_segmentation, self.switch_volume, self.click_and_go_on, self.reactivate)
        for _ in range(STEPS):
            yield self.random.choice((*often, *seldom))
        if self.random.random() < 0.1:
            yield self.close_scene

    def _note_segments(self) -> None:
        """Segments go with undo, and come back with it."""
        segmentation = self.bench.segmentationNode.GetSegmentation()
        self.bench.segments = {segmentation.GetSegment(i).GetName(): i for i in segmentation.GetSegmentIDs()}

    def _choose(self) -> None:
        bench = self.bench
        bench.editor.choose(bench.volumeNode, bench.segmentationNode, next(iter(bench.segments.values())))
        bench.editor.activate()

    @property
    def _name(self) -> str:
        chosen = self.bench.editor.node.GetSelectedSegmentID()
        return next((name for name, i in self.bench.segments.items() if i == chosen), next(iter(self.bench.segments)))

    def _everything(self) -> dict[str, Any]:
        """Masks and prompts."""
        bench = self.bench
        return {
            name: (bench.mask(name).tobytes(), bench.workspace.prompts(bench.target(name))) for name in bench.segments
        }

    def _rest(self) -> None:
        end = time.monotonic() + 20
        while self.bench.workspace.busy:
            assert time.monotonic() < end, "the workspace does not come to rest"
            self.bench.workspace.poll()
            time.sleep(0.0002)

    def _check(self) -> None:
        """What the sessions hold of each segment is what the scene has, and nothing unexpected was told."""
        for name in self.bench.segments:
            target = self.bench.target(name)
            prompts = self.bench.workspace.prompts(target)
            link = self.bench.workspace._links.get(target)
            if link is not None and link.session is not None:
                whole = VoxelBox.whole(self.bench.volume.shape_ijk)
                assert np.array_equal(link.session.result(target.key).mask.within(whole), self.bench.mask(name))
                assert link.session.prompts(target.key) == prompts
        assert not [text for text in self.bench.texts() if "unexpected" in text]


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, STORIES, AT_ONCE))
def test_everything_stays_in_step(make_bench: Any, phantom: Any, first: int) -> None:
    affine = np.diag([11.0, 11.0, 11.0, 1.0])
    affine[:3, 3] = -11.0 * (np.array(SHAPE) - 1) / 2
    bench = make_bench(phantom(SHAPE, affine), lambda key: FakeModel(key, windows=1))
    for seed in range(first, first + AT_ONCE):
        try:
            Story(bench, seed).run()
        except AssertionError as error:
            raise AssertionError(f"story {seed}: {error}") from error
    bench.editor.deactivate()
    slicer.mrmlScene.Clear(0)
    assert not bench.workspace._links._links and not bench.workspace._volumes._sessions
