"""The one table of models, by key. Imports no PyTorch until a model is loaded."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from vistaseg.errors import UsageError, WeightsError
from vistaseg.models.segvol.spec import SEGVOL, SEGVOL_DEMO
from vistaseg.models.spec import ModelSpec
from vistaseg.models.vista3d.spec import DEMO, VISTA3D
from vistaseg.weights import entry_for

if TYPE_CHECKING:
    from vistaseg.compute import Compute, MemoryBudget
    from vistaseg.models.protocol import SegmentationModel
    from vistaseg.models.recipe import Recipe

BUILT_IN = (VISTA3D, SEGVOL, DEMO, SEGVOL_DEMO)
PREFERRED = (VISTA3D.key, SEGVOL.key)
"""Keys of the models that are used where a user chooses none, in this order."""

ENTRY_POINTS = "vistaseg.models"
"""Group of entry points with which another package offers a `ModelSpec`."""


@cache
def specs() -> dict[str, ModelSpec]:
    """All models by their keys: the built-in ones, then those of other packages.

    Raises:
        WeightsError: another package offers what is not a model, or a key that is taken; names it.
    """
    from importlib import metadata

    found = {spec.key: spec for spec in BUILT_IN}
    for point in metadata.entry_points(group=ENTRY_POINTS):
        offered = point.load()
        if not isinstance(offered, ModelSpec) or offered.key in found:
            raise WeightsError(f"The model {point.name} of {point.value} is not a new ModelSpec: remove that package.")
        found[offered.key] = offered
    return found


def spec(key: str) -> ModelSpec:
    """What is known of a model before it is loaded.

    Raises:
        UsageError: an unknown key.
    """
    if key not in specs():
        raise UsageError(f"Unknown model {key!r}: choose one of {', '.join(specs())}.")
    return specs()[key]


def bundled_keys() -> tuple[str, ...]:
    """Keys of the models whose weights ship with VistaSeg."""
    return tuple(each.key for each in BUILT_IN if each.bundled)


def require_name(text: str) -> None:
    """Refuse a text that is not the name of a structure, whichever model will answer it.

    Raises:
        UsageError: it is a sentence, a list of names, or too long.
    """
    for key in PREFERRED:
        spec(key).check_name(text)


def load_model(
    key: str, compute: Compute, budget: MemoryBudget | None = None, recipe: Recipe | None = None
) -> SegmentationModel:
    """Load a model.

    Args:
        budget: of memory; None: `vistaseg.compute.DEFAULT_BUDGET`.
        recipe: the rules between the network and the masks; None: `recipe_for` the key.

    Raises:
        UsageError: an unknown key.
        WeightsError: the weights are not installed, or not those of the model; the installation is incomplete.
    """
    from vistaseg.compute import DEFAULT_BUDGET

    return spec(key).load(compute, budget or DEFAULT_BUDGET, recipe_for(key) if recipe is None else recipe)


def recipe_for(key: str) -> Recipe:
    """The rules of this version, with the padding that was published with the weights of a model."""
    from vistaseg.models.recipe import Recipe

    padding = entry_for(key).padding if key in PREFERRED else None
    return Recipe() if padding is None else Recipe(padding=padding)
