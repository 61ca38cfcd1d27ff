"""Models by the name that a user gives."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TypeVar

from vistaseg.compute import DEFAULT_BUDGET, Compute, MemoryBudget
from vistaseg.errors import UsageError, WeightsError
from vistaseg.models.protocol import ModelIdentity, SegmentationModel
from vistaseg.models.segvol.configuration import SegVolConfiguration
from vistaseg.models.segvol.loading import load_segvol
from vistaseg.models.vista3d.configuration import Vista3dConfiguration
from vistaseg.models.vista3d.loading import load_vista3d
from vistaseg.resources import resource_path
from vistaseg.weights import entry_for, installed_path, status

MODEL_KEYS = ("vista3d", "segvol", "demo", "segvol-demo")

_FOLDERS = {"demo": "demo-model", "segvol-demo": "segvol-demo"}

_Configuration = TypeVar("_Configuration", Vista3dConfiguration, SegVolConfiguration)


def load_model(key: str, compute: Compute, budget: MemoryBudget = DEFAULT_BUDGET) -> SegmentationModel:
    """Load a model.

    Args:
        key: "vista3d" or "segvol" for the published weights that are installed, "demo" or "segvol-demo" for the small
            ones in the box.

    Raises:
        UsageError: an unknown key.
        WeightsError: the weights are not installed, or not those of the model; the installation is incomplete.
    """
    if key not in MODEL_KEYS:
        raise UsageError(f"Unknown model {key!r}: choose one of {', '.join(MODEL_KEYS)}.")
    if key in ("segvol", "segvol-demo"):
        return load_segvol(*_parts(key, SegVolConfiguration), compute, budget)
    return load_vista3d(*_parts(key, Vista3dConfiguration), compute, budget)


def _parts(key: str, kind: type[_Configuration]) -> tuple[Path, _Configuration, ModelIdentity]:
    """Checkpoint, configuration and identity of a model."""
    if key in _FOLDERS:
        return _in_the_box(key, kind)
    entry = entry_for(key)
    path = installed_path(entry)
    return path, kind(), ModelIdentity(key, entry.title, status(entry).sha256 or "")


def _in_the_box(key: str, kind: type[_Configuration]) -> tuple[Path, _Configuration, ModelIdentity]:
    try:
        folder = resource_path(_FOLDERS[key])
        configuration = kind.read(folder / "config.json")
        sha256 = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    except (OSError, ValueError) as error:
        raise WeightsError(f"The model in the box {key} is missing or damaged: install VistaSeg again.") from error
    return folder / "model.safetensors", configuration, ModelIdentity(key, configuration.name, sha256)
