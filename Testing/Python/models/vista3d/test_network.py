from __future__ import annotations

from pathlib import Path

import pytest
import torch
from monai.networks.nets.vista3d import vista3d132

from vistaseg.models.vista3d.configuration import Vista3dConfiguration
from vistaseg.models.vista3d.network import build_network


def test_the_default_network_is_the_published_one() -> None:
    with torch.device("meta"):
        ours, published = build_network(Vista3dConfiguration()), vista3d132()
    shapes = {name: tensor.shape for name, tensor in ours.state_dict().items()}
    assert shapes == {name: tensor.shape for name, tensor in published.state_dict().items()}
    assert len(shapes) == 259
    assert sum(p.numel() for p in ours.parameters()) == 217_964_982
    assert not ours.training


def test_a_configuration_survives_its_file(tmp_path: Path) -> None:
    import json

    configuration = Vista3dConfiguration(name="x", width=16, features=16, window=(64, 64, 64), trained_classes=(1, 3))
    path = tmp_path / "config.json"
    path.write_text(json.dumps(configuration.as_dict()))
    assert Vista3dConfiguration.read(path) == configuration


@pytest.mark.parametrize(("blocks", "multiple"), [((1, 2, 2, 4, 4), 16), ((1, 1, 2, 2), 8)])
def test_sides_have_to_be_multiples_of_the_strides(blocks: tuple[int, ...], multiple: int) -> None:
    assert Vista3dConfiguration(blocks_down=blocks).grid_multiple == multiple


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        '{"width": "48"}',
        '{"width": true}',
        '{"name": null}',
        '{"spacing": 4}',
        '{"spacing": [4, 4]}',
        '{"blocks_down": []}',
        '{"trained_classes": ["liver"]}',
        '{"overlap": null}',
    ],
)
def test_a_configuration_of_other_types_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ValueError, match="no settings|cannot be"):
        Vista3dConfiguration.read(tmp_path / "config.json")
