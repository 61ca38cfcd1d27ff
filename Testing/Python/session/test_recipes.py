"""Sessions know the rules that they were made under, and are done again under them or refused by name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from clicked_balls import balls, body, full, ras, small_model

from vistaseg.errors import UsageError
from vistaseg.models.recipe import FIRST, RULES, VERSION, Recipe
from vistaseg.models.vista3d import interactive
from vistaseg.models.vista3d.model import Vista3d
from vistaseg.prompts import Point
from vistaseg.session import Session
from vistaseg.session.saved import recipe_of


@pytest.fixture(autouse=True, scope="module")
def sees_balls() -> Iterator[None]:
    with patch.object(interactive, "logits", balls):
        yield


def model_under(recipe: Recipe) -> Vista3d:
    model = small_model()
    return replace(model, identity=replace(model.identity, recipe=recipe))


def clicked(recipe: Recipe) -> tuple[Session, dict[str, Any]]:
    """A session with two clicks, and what is saved of it."""
    volume = body()
    session = Session(volume, model_under(recipe))
    session.start("a")
    for ijk, positive in (((12.4, 12.3, 11.6), True), ((14, 13, 12), False)):
        session.add(Point(ras(volume, ijk), positive), "a")
    return session, json.loads(json.dumps(session.as_dict()))


def test_the_rules_are_in_the_session_and_in_the_provenance_by_name() -> None:
    session, document = clicked(Recipe(padding="replicate"))
    expected = {
        "version": VERSION,
        "padding": "replicate",
        "click_place": "exact",
        "merging": "touched",
        "air": "scan",
        "box": "shown",
    }
    assert document["models"]["test"]["recipe"] == expected
    assert session.segmentation().segments[0].provenance["recipe"] == {"test": expected}


@pytest.mark.parametrize("recipe", [Recipe(), FIRST, Recipe(merging="published"), Recipe(padding="replicate")])
def test_a_session_is_done_again_under_its_own_rules(recipe: Recipe) -> None:
    session, document = clicked(recipe)
    if recipe == FIRST:
        del document["models"]["test"]["recipe"]
    assert recipe_of(document, "test") == recipe
    again = Session.replay(session.volume, [model_under(recipe_of(document, "test"))], document)
    assert np.array_equal(full(again, "a"), full(session, "a"))


@pytest.mark.parametrize("rule", RULES)
def test_a_session_under_another_rule_is_refused_by_the_name_of_the_rule(rule: str) -> None:
    other = next(choice for choice in RULES[rule] if choice != getattr(Recipe(), rule))
    session, document = clicked(replace(Recipe(), **{rule: other}))
    with pytest.raises(UsageError, match=f"{rule} is {getattr(Recipe(), rule)} and was {other}"):
        Session.replay(session.volume, [model_under(Recipe())], document)


def test_a_session_of_the_first_versions_is_refused_where_the_model_has_todays_rules() -> None:
    session, document = clicked(FIRST)
    del document["models"]["test"]["recipe"]
    with pytest.raises(UsageError, match="click_place is exact and was voxel"):
        Session.replay(session.volume, [model_under(Recipe())], document)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"padding": "mirror"}, "rule padding cannot be 'mirror'"),
        ({"version": VERSION + 1}, f"version is {VERSION + 1}"),
        ({"version": True}, "version is True"),
        ({"stitching": "gaussian"}, "rule stitching is unknown"),
    ],
)
def test_rules_of_a_later_version_are_refused_by_name(change: dict[str, Any], words: str) -> None:
    session, document = clicked(Recipe())
    document["models"]["test"]["recipe"] |= change
    with pytest.raises(UsageError, match=words):
        Session.replay(session.volume, [model_under(Recipe())], document)


@pytest.mark.parametrize("recipe", [5, [], "exact", {}, Recipe().as_dict() | {"padding": []}])
def test_a_damaged_recipe_is_refused(recipe: Any) -> None:
    session, document = clicked(Recipe())
    document["models"]["test"]["recipe"] = recipe
    with pytest.raises(UsageError):
        Session.replay(session.volume, [model_under(Recipe())], document)
