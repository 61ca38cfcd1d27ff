from __future__ import annotations

import pytest
import torch

from vistaseg.errors import WeightsError
from vistaseg.weights.checkpoint import normalise_vista3d
from vistaseg.weights.layouts import check_file, vista3d_shapes


@pytest.fixture(scope="module")
def full_size():
    """The true network: no memory is taken for its 872 MB."""
    from monai.networks.nets.vista3d import vista3d132

    with torch.device("meta"):
        return vista3d132()


def test_the_true_network_has_the_published_size(full_size):
    assert len(full_size.state_dict()) == 259
    assert sum(parameter.numel() for parameter in full_size.parameters()) == 217_964_982


def test_expected_shapes_are_those_of_the_true_network(full_size):
    assert vista3d_shapes() == {name: tuple(value.shape) for name, value in full_size.state_dict().items()}


def test_every_layout_of_the_true_network_normalises_to_its_259_names(full_size, layout):
    names = list(full_size.state_dict())
    assert list(normalise_vista3d(layout(full_size.state_dict()))) == names


@pytest.mark.parametrize(
    "name",
    ["weight_mapper.1.weight", "image_encoder.mlp.lin1.weight", "point_head.output_hypernetworks_mlps.a"],
)
def test_names_that_only_look_like_the_research_layout_are_left_to_the_strict_check(name):
    assert list(normalise_vista3d({name: torch.ones(1), "other": torch.ones(1)})) == [name, "other"]


def test_a_file_of_the_model_passes(checkpoint, shapes):
    check_file(checkpoint, "vista3d", shapes)


def test_a_file_of_another_size_of_network_does_not(checkpoint):
    with pytest.raises(WeightsError, match="does not hold the weights of this model: missing"):
        check_file(checkpoint, "vista3d")
