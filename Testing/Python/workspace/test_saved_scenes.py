"""A scan that was written to a file and read again is still the scan that prompts and results belong to."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fake_model import FakeModel
from workspace_case import BODY, LEFT, RIGHT, Desk

from vistaseg.models.recipe import Recipe
from vistaseg.mrml.tags import PROMPTS_TAG, note_known_organ, read_tag
from vistaseg.mrml.transforms import matrix_from_array
from vistaseg.mrml.volumes import volume_from_node
from vistaseg.workspace import SegmentReference, Workspace


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


def older_scene(desk: Desk, target: SegmentReference, recipes: object) -> None:
    """Put the note of the rules in the place of that of this version; None takes it out, as the first versions had."""
    segment = target.segment(desk.scene)
    document = json.loads(segment_tag(segment))
    assert document["segment"]["recipes"] == {"fake": Recipe().as_dict()}
    if recipes is None:
        del document["segment"]["recipes"]
    else:
        document["segment"]["recipes"] = recipes
    segment.SetTag(PROMPTS_TAG, json.dumps(document))


def segment_tag(segment: Any) -> str:
    text = read_tag(segment, PROMPTS_TAG)
    assert text is not None
    return text


@pytest.mark.parametrize(
    ("recipes", "words"),
    [
        (None, "click_place was voxel and is exact"),
        ({"fake": Recipe(merging="published").as_dict()}, "merging was published and is touched"),
        ({"fake": {**Recipe().as_dict(), "version": 99}}, "of another version of VistaSeg"),
    ],
)
def test_prompts_under_other_rules_are_answered_again_with_a_word(
    desk: Desk, save_and_load: Callable[[], None], recipes: Any, words: str
) -> None:
    target = desk.target()
    desk.ask(target, LEFT)
    desk.ask(target, RIGHT)
    desk.ask(target, BODY)
    older_scene(desk, target, recipes)
    save_and_load()
    desk.workspace.remove_prompt(target, 2, desk.editing)
    desk.finish()
    assert [text for text in desk.texts() if "answered under other rules (Fake" in text and words in text]
    save_and_load()
    desk.workspace.remove_prompt(target, 1, desk.editing)  # those that stay are of today's rules by now
    desk.finish()
    assert not [text for text in desk.texts() if "rules" in text]


def test_a_prompt_keeps_its_rules_when_others_come_after_it(desk: Desk, save_and_load: Callable[[], None]) -> None:
    target = desk.target()
    desk.ask(target, LEFT)
    older_scene(desk, target, None)
    save_and_load()
    desk.ask(target, BODY)
    assert not [text for text in desk.texts() if "rules" in text]
    first, second = desk.provenance(target)["prompts"]
    assert first["recipe"]["version"] == 1 and "recipe" not in second
    save_and_load()
    desk.workspace.remove_prompt(target, 1, desk.editing)
    desk.finish()
    assert [text for text in desk.texts() if "answered under other rules" in text]


def test_prompts_under_todays_rules_are_answered_again_without_a_word(
    desk: Desk, save_and_load: Callable[[], None]
) -> None:
    target = desk.target()
    desk.ask(target, LEFT)
    desk.ask(target, RIGHT)
    save_and_load()
    desk.workspace.remove_prompt(target, 1, desk.editing)
    desk.finish()
    assert not desk.texts()


def test_a_choice_of_a_known_organ_is_kept_with_the_segment(desk: Desk, save_and_load: Callable[[], None]) -> None:
    target = desk.target()
    note_known_organ(target.segment(desk.scene), True)
    desk.ask(target, LEFT)
    session = desk.workspace._volumes.get(target.volume_id).current
    assert session.made(target.key).provenance["clicked_as"] == "known organ"
    save_and_load()
    desk.ask(target, BODY)
    assert desk.provenance(target)["clicked_as"] == "known organ"
    note_known_organ(target.segment(desk.scene), False)
    desk.ask(target, RIGHT)
    assert "clicked_as" not in desk.provenance(target)
    assert desk.workspace.prompts(target) == (LEFT, BODY, RIGHT)
