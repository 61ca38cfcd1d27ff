"""What a workspace tells its host and its user, and how it is closed."""

from __future__ import annotations

from typing import Any

import pytest
import slicer
from fake_model import FakeModel
from workspace_case import LEFT, RIGHT, Desk

from vistaseg.errors import InputError, WeightsError
from vistaseg.workspace import Workspace


def test_listeners_hear_of_changes_until_they_stop(desk: Desk) -> None:
    heard: list[int] = []
    stop = desk.workspace.listen(lambda: heard.append(1))
    desk.ask(desk.target(), LEFT)
    count = len(heard)
    assert count > 1
    stop()
    stop()
    desk.ask(desk.target(), LEFT)
    assert len(heard) == count


def test_whoever_watches_the_segmentation_is_told_once_of_a_result(desk: Desk) -> None:
    target = desk.target()
    desk.ask(target, LEFT)
    kinds = ("SegmentModified", "SourceRepresentationModified", "RepresentationModified")
    told: list[str] = []
    for kind in kinds:
        event = getattr(slicer.vtkSegmentation, kind)
        desk.segmentation_node.AddObserver(event, lambda *_, kind=kind: told.append(kind))
    desk.ask(target, RIGHT)
    assert told and max(map(told.count, kinds)) == 1
    told.clear()
    desk.segment(3, 5)
    assert max(map(told.count, kinds)) <= 1


def test_missing_weights_are_told_and_the_next_try_is_not_spoilt(desk: Desk, models: dict[str, FakeModel]) -> None:
    target = desk.target()
    model = models.pop("fake")

    def load(key: str) -> FakeModel:
        if key not in models:
            raise WeightsError("The weights of VISTA3D are not installed: fetch them first.")
        return models[key]

    desk.workspace.close()
    desk.workspace = Workspace(desk.scene, load)
    desk.workspace.models = ("fake",)
    desk.ask(target, LEFT)
    assert any("not installed" in text for text in desk.texts())
    models["fake"] = model
    desk.ask(target, LEFT)
    assert desk.mask(target).any()


def test_an_unexpected_error_comes_with_details(desk: Desk) -> None:
    def fail(progress: Any) -> None:
        raise ZeroDivisionError("nothing to divide by")

    desk.workspace.run("Trying", fail)
    desk.finish()
    message = desk.workspace.messages.latest
    assert message.level == "error"
    assert "ZeroDivisionError" in message.text
    assert "in fail" in message.details


def test_a_volume_that_is_no_ct_is_refused_before_any_job(desk: Desk) -> None:
    label_map = desk.scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    with pytest.raises(InputError):
        desk.workspace.segment(label_map, desk.segmentation_node, [1])
    assert not desk.workspace.busy


def test_looking_somewhere_prepares_and_gives_way(desk: Desk, models: dict[str, FakeModel]) -> None:
    target = desk.target()
    desk.workspace.hint(desk.volume_node, (0.0, 0.0, 0.0))
    assert not desk.workspace.busy
    desk.ask(target, LEFT)
    models["fake"].seconds_a_window = 0.05
    desk.workspace.hint(desk.volume_node, (0.0, 0.0, 0.0))
    assert desk.workspace.busy
    assert desk.workspace.task is None
    desk.ask(target, RIGHT)
    assert desk.workspace.prompts(target) == (LEFT, RIGHT)


def test_closing_takes_the_observers_along(desk: Desk) -> None:
    before = desk.scene.HasObserver(desk.scene.NodeRemovedEvent)
    desk.workspace.close()
    desk.workspace.close()
    assert before
    assert not desk.workspace.busy
