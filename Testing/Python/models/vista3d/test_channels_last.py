"""The faster memory layout changes the speed, not the results."""

from __future__ import annotations

import copy

import pytest
import torch

from vistaseg.models.vista3d.channels_last import ChannelsLastInstanceNorm, to_channels_last
from vistaseg.models.vista3d.configuration import Vista3dConfiguration
from vistaseg.models.vista3d.network import build_network

CONFIGURATION = Vista3dConfiguration(width=8, features=16, blocks_down=(1, 2, 1))


@pytest.fixture
def networks() -> tuple[torch.nn.Module, torch.nn.Module]:
    """A network as MONAI makes it, and the same in the other layout."""
    torch.manual_seed(3)
    network = build_network(CONFIGURATION).requires_grad_(False)
    return network, to_channels_last(copy.deepcopy(network))


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("in_place", [True, False])
@pytest.mark.parametrize("shape", [(1, 5, 33, 32, 31), (2, 3, 4, 5, 6), (1, 1, 3, 3, 3)])
def test_normalises_as_pytorch_does(shape: tuple[int, ...], in_place: bool, affine: bool) -> None:
    norm = torch.nn.InstanceNorm3d(shape[1], affine=affine)
    if affine:
        torch.nn.init.normal_(norm.weight)
        torch.nn.init.normal_(norm.bias)
    ours = copy.deepcopy(norm)
    ours.__class__ = ChannelsLastInstanceNorm
    ours.in_place = in_place
    # Far from zero, as behind a convolution with a strong bias: the variance must not drown in rounding.
    features = 50 + torch.rand(shape).contiguous(memory_format=torch.channels_last_3d)
    expected = norm(features.double().to(features)).detach()
    with torch.inference_mode():
        torch.testing.assert_close(ours(features), expected, atol=2e-4, rtol=1e-4)


def test_whole_network_gives_the_same_features(networks: tuple[torch.nn.Module, torch.nn.Module]) -> None:
    image = torch.rand(1, 1, 32, 48, 64)
    with torch.inference_mode():
        for point, automatic in ((True, False), (False, True)):
            theirs = networks[0].image_encoder(image, with_point=point, with_label=automatic)[automatic]
            ours = networks[1].image_encoder(image, with_point=point, with_label=automatic)[automatic]
            torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_channels_stay_last_through_the_network(networks: tuple[torch.nn.Module, torch.nn.Module]) -> None:
    with torch.inference_mode():
        _, features = networks[1].image_encoder(torch.rand(1, 1, 32, 32, 32), with_point=False, with_label=True)
        mapped = networks[1].class_head.image_post_mapping(features)
    assert mapped.is_contiguous(memory_format=torch.channels_last_3d)


def test_input_is_not_written_over(networks: tuple[torch.nn.Module, torch.nn.Module]) -> None:
    features = torch.rand(1, 16, 16, 16, 16).contiguous(memory_format=torch.channels_last_3d)
    before = features.clone()
    with torch.inference_mode():
        networks[1].class_head.image_post_mapping(features)
    assert torch.equal(features, before)


def test_tensors_keep_names_and_values(networks: tuple[torch.nn.Module, torch.nn.Module]) -> None:
    theirs, ours = (network.state_dict() for network in networks)
    assert list(theirs) == list(ours)
    assert all(torch.equal(theirs[name], ours[name]) for name in theirs)


def test_bf16_is_normalised_from_float32_sums() -> None:
    norm = ChannelsLastInstanceNorm(3)
    features = (4 + torch.rand(1, 3, 40, 40, 40)).bfloat16().contiguous(memory_format=torch.channels_last_3d)
    expected = torch.nn.functional.instance_norm(features.float())
    with torch.inference_mode():
        torch.testing.assert_close(norm(features).float(), expected, atol=2e-2, rtol=2e-2)
