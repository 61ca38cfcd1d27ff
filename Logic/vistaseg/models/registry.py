"""Models by the name that a user gives."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch

from vistaseg.compute import Compute, available_bytes
from vistaseg.errors import UsageError, WeightsError
from vistaseg.models.protocol import ModelIdentity
from vistaseg.models.vista3d.channels_last import to_channels_last
from vistaseg.models.vista3d.configuration import Vista3dConfiguration
from vistaseg.models.vista3d.model import Vista3d
from vistaseg.models.vista3d.network import build_network
from vistaseg.resources import resource_path
from vistaseg.weights import entry_for, installed_path, status
from vistaseg.weights.checkpoint import load_strictly, normalise_vista3d, read_state_dict

MODEL_KEYS = ("vista3d", "demo")
KEPT_SHARE = 0.3
"""Share of the memory that is free when a model is loaded that may hold features for later questions."""

CLICKS_SHARE = 0.1
"""Share of the device's free memory that may hold windows that clicks were answered in."""


def load_model(key: str, compute: Compute, keep_bytes: int | None = None, memory_bytes: int | None = None) -> Vista3d:
    """Load a model.

    Args:
        key: "vista3d" for the published weights that are installed, "demo" for the model in the box.
        keep_bytes: budget of the features that are kept for each volume; None takes a share of what is free.
        memory_bytes: that encoding a scan may take, without the model and the scan; None: no limit.

    Raises:
        UsageError: an unknown key.
        WeightsError: the weights are not installed, or not those of the model.
    """
    if key not in MODEL_KEYS:
        raise UsageError(f"Unknown model {key!r}: choose one of {', '.join(MODEL_KEYS)}.")
    if key == "demo":
        return load_demo(compute, keep_bytes, memory_bytes)
    entry = entry_for(key)
    path = installed_path(entry)
    identity = ModelIdentity(key, entry.title, status(entry).sha256 or "")
    return load_vista3d(path, Vista3dConfiguration(), identity, compute, keep_bytes, memory_bytes)


def load_demo(compute: Compute, keep_bytes: int | None = None, memory_bytes: int | None = None) -> Vista3d:
    """Load the small model that comes with the software.

    Raises:
        WeightsError: the installation is incomplete or damaged.
    """
    try:
        folder = resource_path("demo-model")
        configuration = Vista3dConfiguration.read(folder / "config.json")
        sha256 = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    except (OSError, ValueError) as error:
        raise WeightsError("The demo model is missing or damaged: install VistaSeg again.") from error
    identity = ModelIdentity("demo", configuration.name, sha256)
    return load_vista3d(folder / "model.safetensors", configuration, identity, compute, keep_bytes, memory_bytes)


def load_vista3d(
    path: Path,
    configuration: Vista3dConfiguration,
    identity: ModelIdentity,
    compute: Compute,
    keep_bytes: int | None = None,
    memory_bytes: int | None = None,
) -> Vista3d:
    """Load a VISTA3D from a checkpoint of any published layout.

    Raises:
        WeightsError: the file is damaged, or its tensors are not those of the configuration.
    """
    with torch.device("meta"):
        network = build_network(configuration)
    load_strictly(network, normalise_vista3d(read_state_dict(path)), path.name)
    network = to_channels_last(network.to(compute.device).requires_grad_(False))
    if keep_bytes is None:
        keep_bytes = int(KEPT_SHARE * available_bytes(torch.device("cpu")))
    click_bytes = int(CLICKS_SHARE * available_bytes(compute.device))
    return Vista3d(network, configuration, compute, identity, keep_bytes, click_bytes, memory_bytes)
