"""Networks are built without values, and a checkpoint gives them all of theirs."""

from __future__ import annotations

import torch

from vistaseg.compute import choose_compute
from vistaseg.models.registry import load_model
from vistaseg.models.vista3d.configuration import Vista3dConfiguration
from vistaseg.models.vista3d.network import build_network
from vistaseg.weights.checkpoint import load_strictly, only_shapes

SMALL = Vista3dConfiguration(width=8, features=8, blocks_down=(1, 1), spacing=(6.0, 6.0, 6.0), window=(32, 32, 32))


def test_a_network_without_values_gets_all_of_a_checkpoint():
    torch.manual_seed(0)
    whole = build_network(SMALL)
    with only_shapes():
        empty = build_network(SMALL)
    assert all(parameter.is_meta for parameter in empty.parameters())
    load_strictly(empty, dict(whole.state_dict()), "model")
    assert not any(parameter.is_meta for parameter in empty.parameters())
    assert empty.state_dict().keys() == whole.state_dict().keys()
    assert all(torch.equal(one, other) for one, other in zip(empty.buffers(), whole.buffers(), strict=True))
    for name, tensor in whole.state_dict().items():
        assert torch.equal(empty.state_dict()[name], tensor), name


def test_bundled_models_have_no_parameter_without_a_value():
    for key in ("demo", "segvol-demo"):
        network = load_model(key, choose_compute("cpu", "fp32")).network
        assert not any(tensor.is_meta for tensor in (*network.parameters(), *network.buffers()))
