"""Where the weights of a model lie, and what they are: published ones that are installed, or bundled ones."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from vistaseg.errors import WeightsError
from vistaseg.models.recipe import Recipe
from vistaseg.models.segvol.configuration import SegVolConfiguration
from vistaseg.models.vista3d.configuration import Vista3dConfiguration
from vistaseg.resources import resource_path
from vistaseg.weights import entry_for, installed_path, status

if TYPE_CHECKING:
    from vistaseg.models.protocol import ModelIdentity

Configuration = TypeVar("Configuration", Vista3dConfiguration, SegVolConfiguration)


def published(key: str, recipe: Recipe) -> tuple[Path, ModelIdentity]:
    """Checkpoint and identity of a model whose weights were installed.

    Raises:
        WeightsError: they are not installed.
    """
    from vistaseg.models.protocol import ModelIdentity

    entry = entry_for(key)
    path, found = installed_path(entry), status(entry)
    whence = "imported" if found.source == "user" else f"{entry.hub_id}@{found.revision or entry.revision}"
    return path, ModelIdentity(key, entry.title, found.sha256 or "", whence, recipe)


def bundled(
    key: str, folder: str, kind: type[Configuration], recipe: Recipe
) -> tuple[Path, Configuration, ModelIdentity]:
    """Checkpoint, configuration and identity of a model whose weights ship with VistaSeg.

    Args:
        folder: in `Resources`.

    Raises:
        WeightsError: the installation is incomplete.
    """
    from vistaseg.models.protocol import ModelIdentity

    configuration = bundled_configuration(key, folder, kind)
    path = resource_path(folder) / "model.safetensors"
    try:
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise _damaged(key) from error
    return path, configuration, ModelIdentity(key, configuration.name, sha256, "bundled", recipe)


def bundled_configuration(key: str, folder: str, kind: type[Configuration]) -> Configuration:
    """The configuration beside bundled weights.

    Raises:
        WeightsError: the installation is incomplete.
    """
    try:
        return kind.read(resource_path(folder) / "config.json")
    except (OSError, ValueError) as error:
        raise _damaged(key) from error


def _damaged(key: str) -> WeightsError:
    return WeightsError(f"The bundled model {key} is missing or damaged: install VistaSeg again.")
