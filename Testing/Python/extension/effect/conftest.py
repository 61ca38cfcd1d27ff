"""A Segment Editor with the effect in it, before the phantom and a model that answers at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("qt", reason="no Qt: see CONTRIBUTING.md for the libraries that it needs")

from effect_case import VIEW, Bench, register_effect, segment_editor
from fake_model import FakeModel
from host.mrml_nodes import tilted

from vistaseg.volume import Volume

SHAPE = (40, 30, 40)


@pytest.fixture
def models() -> dict[str, FakeModel]:
    """The models that the workspace loads; tests may make them slow."""
    return {key: FakeModel(key) for key in ("demo", "other")}


@pytest.fixture
def make_bench(scene: Any) -> Iterator[Callable[..., Bench]]:
    from VistaSegLib import Host

    made: list[Bench] = []
    with segment_editor.square_view(VIEW) as view:

        def make(volume: Volume, load: Callable[[str], FakeModel]) -> Bench:
            made.append(Bench(volume, load, view))
            return made[-1]

        yield make
        for bench in made:
            bench.editor.close()
        Host.close()


@pytest.fixture
def bench(make_bench: Callable[..., Bench], phantom: Any, models: dict[str, FakeModel]) -> Bench:
    return make_bench(phantom(SHAPE, tilted(SHAPE, (-5.0, 6.0, 5.5))), models.__getitem__)


@pytest.fixture(scope="session", autouse=True)
def _effect() -> None:
    """The effect is registered, as at start-up."""
    register_effect()
