"""From a checkpoint to a SegVol that answers."""

from __future__ import annotations

from pathlib import Path

from vistaseg.compute import DEFAULT_BUDGET, Compute, MemoryBudget
from vistaseg.models.protocol import ModelIdentity
from vistaseg.models.segvol.configuration import SegVolConfiguration
from vistaseg.models.segvol.model import SegVol
from vistaseg.models.segvol.network import build_network
from vistaseg.weights.checkpoint import load_strictly, normalise_segvol, only_shapes, read_state_dict


def load_segvol(
    path: Path,
    configuration: SegVolConfiguration,
    identity: ModelIdentity,
    compute: Compute,
    budget: MemoryBudget = DEFAULT_BUDGET,
) -> SegVol:
    """Load a SegVol from a checkpoint of any published layout.

    Raises:
        WeightsError: the file is damaged, or its tensors are not those of the configuration.
    """
    with only_shapes():
        network = build_network(configuration)
    load_strictly(network, normalise_segvol(read_state_dict(path)), path.name)
    network = network.to(compute.device).requires_grad_(False)
    return SegVol(network, configuration, compute, identity, budget.for_windows(compute.device))
