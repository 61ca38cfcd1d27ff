"""A Segment Editor with the effect in it, before the phantom and a model that answers at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("qt")

from effect_case import VIEW, Bench, register_effect, segment_editor
from fake_model import FakeModel

from vistaseg.volume import Volume

SHAPE = (40, 30, 40)


def oblique() -> np.ndarray:
    """IJK to RAS of a tilted, anisotropic, flipped grid around the phantom."""
    c, s = np.cos(0.2), np.sin(0.2)
    axes = np.array([[1, 0, 0], [0, c, -s], [0, s, c]]) @ np.diag([-5.0, 6.0, 5.5])
    affine = np.eye(4)
    affine[:3, :3] = axes
    affine[:3, 3] = -axes @ ((np.array(SHAPE) - 1) / 2)
    return affine


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
    return make_bench(phantom(SHAPE, oblique()), models.__getitem__)


@pytest.fixture(scope="session", autouse=True)
def _effect() -> None:
    """The effect is registered, as at start-up."""
    register_effect()
