"""Models by the name that a user gives."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TypeVar

from vistaseg.compute import DEFAULT_BUDGET, Compute, MemoryBudget
from vistaseg.errors import UsageError, WeightsError
from vistaseg.models.protocol import ModelIdentity, SegmentationModel
from vistaseg.models.recipe import Recipe
from vistaseg.models.segvol.configuration import SegVolConfiguration
from vistaseg.models.segvol.loading import load_segvol
from vistaseg.models.vista3d.configuration import Vista3dConfiguration
from vistaseg.models.vista3d.loading import load_vista3d
from vistaseg.resources import resource_path
from vistaseg.weights import entry_for, installed_path, status

MODEL_KEYS = ("vista3d", "segvol", "demo", "segvol-demo")

_FOLDERS = {"demo": "demo-model", "segvol-demo": "segvol-demo"}

_Configuration = TypeVar("_Configuration", Vista3dConfiguration, SegVolConfiguration)


def load_model(
    key: str, compute: Compute, budget: MemoryBudget = DEFAULT_BUDGET, recipe: Recipe | None = None
) -> SegmentationModel:
    """Load a model.

    Args:
        key: "vista3d" or "segvol" for the published weights that are installed, "demo" or "segvol-demo" for the small
            ones in the box.
        recipe: the rules between the network and the masks; None: `recipe_for` the key.

    Raises:
        UsageError: an unknown key.
        WeightsError: the weights are not installed, or not those of the model; the installation is incomplete.
    """
    if key not in MODEL_KEYS:
        raise UsageError(f"Unknown model {key!r}: choose one of {', '.join(MODEL_KEYS)}.")
    if key in ("segvol", "segvol-demo"):
        return load_segvol(*_parts(key, SegVolConfiguration, recipe), compute, budget)
    return load_vista3d(*_parts(key, Vista3dConfiguration, recipe), compute, budget)


def recipe_for(key: str) -> Recipe:
    """The rules of this version, with the padding that was published with the weights of a model."""
    padding = None if key in _FOLDERS else entry_for(key).padding
    return Recipe() if padding is None else Recipe(padding=padding)


def _parts(key: str, kind: type[_Configuration], recipe: Recipe | None) -> tuple[Path, _Configuration, ModelIdentity]:
    """Checkpoint, configuration and identity of a model."""
    rules = recipe_for(key) if recipe is None else recipe
    if key in _FOLDERS:
        return _in_the_box(key, kind, rules)
    entry = entry_for(key)
    path, found = installed_path(entry), status(entry)
    whence = "imported" if found.source == "user" else f"{entry.hub_id}@{found.revision or entry.revision}"
    return path, kind(), ModelIdentity(key, entry.title, found.sha256 or "", whence, rules)


def _in_the_box(key: str, kind: type[_Configuration], recipe: Recipe) -> tuple[Path, _Configuration, ModelIdentity]:
    try:
        folder = resource_path(_FOLDERS[key])
        configuration = kind.read(folder / "config.json")
        sha256 = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    except (OSError, ValueError) as error:
        raise WeightsError(f"The model in the box {key} is missing or damaged: install VistaSeg again.") from error
    return (
        folder / "model.safetensors",
        configuration,
        ModelIdentity(key, configuration.name, sha256, "bundled", recipe),
    )
