"""A third model, as another package would offer it: one entry in the table, and no line anywhere else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import EntryPoint
from unittest.mock import patch

from fake_model import CLASSES, FakeModel

from vistaseg.models import registry
from vistaseg.models.spec import ModelSpec

THIRD = ModelSpec(
    key="third",
    title="Third",
    prompts=frozenset(("point", "box")),
    load=lambda compute, budget, recipe: FakeModel("third"),
    class_ids=lambda: tuple(CLASSES),
    bundled=True,
)


@contextmanager
def offered(value: str = "third_model:THIRD") -> Iterator[None]:
    """A package with this entry point is installed."""
    points = [EntryPoint("third", value, registry.ENTRY_POINTS)]
    registry.specs.cache_clear()
    with patch("importlib.metadata.entry_points", lambda group: points):
        yield
    registry.specs.cache_clear()
