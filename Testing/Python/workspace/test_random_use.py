"""Whatever is done in whatever order: nothing fails, nothing is lost, and scene and session agree in the end."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest
from fake_model import FakeModel
from workspace_case import Desk

from vistaseg.mrml.editing import Change
from vistaseg.prompts import Point
from vistaseg.segmentation import Extent
from vistaseg.workspace import Target

PLACES = ((0.0, 0.0, 0.0), (-40.0, 10.0, 33.0), (40.0, 10.0, -20.0), (-40.0, 10.0, 20.0), (300.0, 0.0, 0.0))
STEPS = 40


class User:
    """Does one thing after the other to two segments."""

    def __init__(self, desk: Desk, seed: int) -> None:
        self.desk, self.random = desk, random.Random(seed)
        self.targets = [desk.target("one"), desk.target("two")]

    def act(self) -> None:
        """Any one of what a user may do."""
        actions: list[Callable[[], None]] = [
            *[self.click] * 4, self.paint, self.undo, self.redo, self.wait, self.wait, self.cancel, self.remove_prompt,
            self.clear, self.segment, self.delete, self.look,
        ]  # fmt: skip
        self.random.choice(actions)()
        if self.random.random() < 0.5:
            self.desk.workspace.poll()

    def target(self) -> Target:
        return self.random.choice(self.targets)

    def click(self) -> None:
        point = Point(self.random.choice(PLACES), self.random.random() < 0.7)
        self.desk.workspace.prompt(self.target(), point, self.desk.editing)

    def paint(self) -> None:
        start = tuple(self.random.randrange(size - 4) for size in self.desk.volume.shape_ijk)
        extent = Extent(start, tuple(first + 3 for first in start))
        everything = np.ones(extent.shape_kji, bool)
        add = self.random.random() < 0.6
        change = Change(everything if add else ~everything, everything ^ add, extent)
        with self.desk.editing.step():
            self.desk.editing.apply(self.target().segment_id, change)

    def undo(self) -> None:
        if self.desk.editing.can_undo:
            self.desk.editing.undo()
        self.restore_missing()

    def redo(self) -> None:
        if self.desk.editing.can_redo:
            self.desk.editing.redo()
        self.restore_missing()

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


@pytest.mark.parametrize("seed", range(25))
def test_any_sequence(desk: Desk, models: dict[str, FakeModel], seed: int) -> None:
    models["fake"].seconds_a_window = 0.001
    user = User(desk, seed)
    for _ in range(STEPS):
        user.act()
    desk.finish()
    assert not [message for message in desk.workspace.messages.all if message.details]
    for target in user.targets:
        desk.workspace.prompt(target, Point(PLACES[2]), desk.editing)
        desk.finish()
        whole = desk.mask(target)
        assert whole[desk.volume.array == 300].all()
        agrees_with_session(desk, target, whole)


def agrees_with_session(desk: Desk, target: Target, whole: np.ndarray) -> None:
    session = desk.workspace._volumes.get(target.volume_id).current
    answer = session.result(target.key)
    known = np.zeros_like(whole)
    known[answer.extent.slices] = answer.mask
    assert np.array_equal(known, whole)
