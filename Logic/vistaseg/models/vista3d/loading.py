"""From a checkpoint to a VISTA3D that answers."""

from __future__ import annotations

from pathlib import Path

from vistaseg.compute import DEFAULT_BUDGET, Compute, MemoryBudget
from vistaseg.models.protocol import ModelIdentity
from vistaseg.models.vista3d.channels_last import to_channels_last
from vistaseg.models.vista3d.configuration import Vista3dConfiguration
from vistaseg.models.vista3d.model import Vista3d
from vistaseg.models.vista3d.network import build_network
from vistaseg.weights.checkpoint import load_strictly, normalise_vista3d, only_shapes, read_state_dict


def load_vista3d(
    path: Path,
    configuration: Vista3dConfiguration,
    identity: ModelIdentity,
    compute: Compute,
    budget: MemoryBudget = DEFAULT_BUDGET,
) -> Vista3d:
    """Load a VISTA3D from a checkpoint of any published layout.

    Raises:
        WeightsError: the file is damaged, or its tensors are not those of the configuration.
    """
    with only_shapes():
        network = build_network(configuration)
    load_strictly(network, normalise_vista3d(read_state_dict(path)), path.name)
    network = to_channels_last(network.to(compute.device).requires_grad_(False))
    kept, clicks = budget.for_features(), budget.for_windows(compute.device)
    return Vista3d(network, configuration, compute, identity, kept, clicks, budget.encoding)
