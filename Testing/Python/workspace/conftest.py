"""A desk with a patient, and models that answer at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fake_model import FakeModel
from host.mrml_nodes import tilted
from host.mrml_scene import scene
from workspace_case import SHAPE, Desk

__all__ = ["scene"]


@pytest.fixture
def models() -> dict[str, FakeModel]:
    """The models that the workspace loads; tests may make them slow."""
    return {key: FakeModel(key) for key in ("fake", "other")}


@pytest.fixture
def desk(scene: Any, phantom: Any, models: dict[str, FakeModel]) -> Iterator[Desk]:
    desk = Desk(scene, phantom(SHAPE, tilted(SHAPE, (-5.0, 6.0, 5.5))), models.__getitem__)
    yield desk
    desk.editing.close()
    desk.workspace.close()
