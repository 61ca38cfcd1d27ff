"""The models with VISTA3D's network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from vistaseg.models.spec import Comparison, ModelSpec, PromptKind, SlidingWindows
from vistaseg.models.vista3d.configuration import Vista3dConfiguration

if TYPE_CHECKING:
    from vistaseg.compute import Compute, MemoryBudget
    from vistaseg.models.protocol import SegmentationModel
    from vistaseg.models.recipe import Recipe
    from vistaseg.models.vista3d.model import Vista3d

_PROMPTS: frozenset[PromptKind] = frozenset(("point", "box"))
_DEMO, _DEMO_FOLDER = "demo", "demo-model"


def _load_published(compute: Compute, budget: MemoryBudget, recipe: Recipe) -> SegmentationModel:
    from vistaseg.models.files import published
    from vistaseg.models.vista3d.loading import load_vista3d

    path, identity = published("vista3d", recipe)
    return load_vista3d(path, Vista3dConfiguration(), identity, compute, budget)


def _load_demo(compute: Compute, budget: MemoryBudget, recipe: Recipe) -> SegmentationModel:
    from vistaseg.models.files import bundled
    from vistaseg.models.vista3d.loading import load_vista3d

    return load_vista3d(*bundled(_DEMO, _DEMO_FOLDER, Vista3dConfiguration, recipe), compute, budget)


def _demo_configuration() -> Vista3dConfiguration:
    from vistaseg.models.files import bundled_configuration

    return bundled_configuration(_DEMO, _DEMO_FOLDER, Vista3dConfiguration)


def _sliding_windows(configuration: Vista3dConfiguration) -> SlidingWindows:
    return SlidingWindows(configuration.spacing, configuration.window, configuration.overlap)


def _compare(model: SegmentationModel, padding: str) -> Iterator[Comparison]:
    from vistaseg.models.vista3d.comparing import padding_comparison, precision_comparison

    loaded = cast("Vista3d", model)
    yield precision_comparison(loaded)
    yield padding_comparison(loaded, padding)


VISTA3D = ModelSpec(
    key="vista3d",
    title="VISTA3D",
    prompts=_PROMPTS,
    load=_load_published,
    class_ids=lambda: Vista3dConfiguration().class_ids,
    sliding_windows=lambda: _sliding_windows(Vista3dConfiguration()),
    thread_seconds=54.6,
    compare=_compare,
)
DEMO = ModelSpec(
    key=_DEMO,
    title="VistaSeg demo",
    prompts=_PROMPTS,
    load=_load_demo,
    class_ids=lambda: _demo_configuration().class_ids,
    sliding_windows=lambda: _sliding_windows(_demo_configuration()),
    bundled=True,
    thread_seconds=0.5,
    compare=_compare,
)
