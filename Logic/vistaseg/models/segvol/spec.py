"""The models with SegVol's network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from vistaseg.models.spec import Comparison, ModelSpec, PromptKind

if TYPE_CHECKING:
    from vistaseg.compute import Compute, MemoryBudget
    from vistaseg.models.protocol import SegmentationModel
    from vistaseg.models.recipe import Recipe
    from vistaseg.models.segvol.model import SegVol

_PROMPTS: frozenset[PromptKind] = frozenset(("point", "box", "text"))
_DEMO = "segvol-demo"


def _load_published(compute: Compute, budget: MemoryBudget, recipe: Recipe) -> SegmentationModel:
    from vistaseg.models.files import published
    from vistaseg.models.segvol.configuration import SegVolConfiguration
    from vistaseg.models.segvol.loading import load_segvol

    path, identity = published("segvol", recipe)
    return load_segvol(path, SegVolConfiguration(), identity, compute, budget)


def _load_demo(compute: Compute, budget: MemoryBudget, recipe: Recipe) -> SegmentationModel:
    from vistaseg.models.files import bundled
    from vistaseg.models.segvol.configuration import SegVolConfiguration
    from vistaseg.models.segvol.loading import load_segvol

    return load_segvol(*bundled(_DEMO, _DEMO, SegVolConfiguration, recipe), compute, budget)


def _compare(model: SegmentationModel, padding: str) -> Iterator[Comparison]:
    """SegVol shrinks a whole scan, and pads nothing."""
    from vistaseg.models.segvol.comparing import precision_comparison

    yield precision_comparison(cast("SegVol", model))


def _check_name(text: str) -> None:
    from vistaseg.models.segvol.texts import require_name

    require_name(text)


def _spelling(text: str) -> str:
    from vistaseg.models.segvol.texts import trained_spelling

    return trained_spelling(text)


def _check_text(text: str) -> None:
    from vistaseg.models.segvol.tokenizer import token_ids

    token_ids(text)


SEGVOL = ModelSpec(
    key="segvol",
    title="SegVol",
    prompts=_PROMPTS,
    load=_load_published,
    box_trained=True,
    check_name=_check_name,
    spelling=_spelling,
    check_text=_check_text,
    compare=_compare,
)
SEGVOL_DEMO = ModelSpec(
    key=_DEMO,
    title="Small SegVol",
    prompts=_PROMPTS,
    load=_load_demo,
    bundled=True,
    check_name=_check_name,
    spelling=_spelling,
    check_text=_check_text,
    compare=_compare,
)
