"""A scan that was written to a file and read again is still the scan that prompts and results belong to."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from fake_model import FakeModel
from workspace_case import BODY, LEFT, RIGHT, Desk

from vistaseg.mrml.transforms import matrix_from_array
from vistaseg.mrml.volumes import volume_from_node
from vistaseg.workspace import Workspace


@pytest.fixture
def save_and_load(desk: Desk, models: dict[str, FakeModel]) -> Callable[[], None]:
    """Changes the last digits of the scan's geometry, as writing and reading it does; forgets all sessions."""

    def again() -> None:
        matrix = volume_from_node(desk.volume_node).ijk_to_ras
        desk.volume_node.SetIJKToRASMatrix(matrix_from_array(matrix * (1 + 2**-50)))
        desk.workspace.close()
        desk.workspace = Workspace(desk.scene, models.__getitem__)
        desk.workspace.models = ("fake",)

    return again


def test_a_prompt_can_be_removed_after_saving_and_loading(desk: Desk, save_and_load: Callable[[], None]) -> None:
    target = desk.target()
    desk.ask(target, LEFT)
    alone = desk.mask(target)
    desk.ask(target, RIGHT)
    save_and_load()
    desk.workspace.remove_prompt(target, 1, desk.editing)
    desk.finish()
    assert desk.workspace.prompts(target) == (LEFT,)
    assert np.array_equal(desk.mask(target), alone)


def test_prompts_go_on_after_saving_and_loading(desk: Desk, save_and_load: Callable[[], None]) -> None:
    target = desk.target()
    desk.ask(target, LEFT)
    save_and_load()
    desk.ask(target, BODY)
    assert desk.workspace.prompts(target) == (LEFT, BODY)


def test_an_untouched_result_makes_place_after_saving_and_loading(
    desk: Desk, save_and_load: Callable[[], None]
) -> None:
    (old,) = desk.segment(3)
    save_and_load()
    (new,) = desk.segment(3)
    assert list(desk.segmentation_node.GetSegmentation().GetSegmentIDs()) == [new.segment_id]
    assert old.segment_id == new.segment_id
