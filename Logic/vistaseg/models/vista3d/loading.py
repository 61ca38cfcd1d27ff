"""From a checkpoint to a VISTA3D that answers."""

from __future__ import annotations

from pathlib import Path

import torch

from vistaseg.compute import Compute, available_bytes
from vistaseg.models.protocol import ModelIdentity
from vistaseg.models.vista3d.channels_last import to_channels_last
from vistaseg.models.vista3d.configuration import Vista3dConfiguration
from vistaseg.models.vista3d.model import Vista3d
from vistaseg.models.vista3d.network import build_network
from vistaseg.weights.checkpoint import load_strictly, normalise_vista3d, read_state_dict

KEPT_SHARE = 0.3
"""Share of the memory that is free when a model is loaded that may hold features for later questions."""

CLICKS_SHARE = 0.1
"""Share of the device's free memory that may hold windows that clicks were answered in."""


def load_vista3d(
    path: Path,
    configuration: Vista3dConfiguration,
    identity: ModelIdentity,
    compute: Compute,
    keep_bytes: int | None = None,
    memory_bytes: int | None = None,
) -> Vista3d:
    """Load a VISTA3D from a checkpoint of any published layout.

    Args:
        keep_bytes: budget of the features that are kept for each volume; None takes a share of what is free.
        memory_bytes: that encoding a scan may take, without the model and the scan; None: no limit.

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
