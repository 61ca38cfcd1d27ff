"""A checkpoint that is loaded answers as the network that was saved."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import pytest
import torch
from prompted_network import CPU, body, level_ids
from safetensors.torch import save_file

from vistaseg.compute import Compute
from vistaseg.errors import WeightsError
from vistaseg.models.protocol import ModelIdentity
from vistaseg.models.segvol import encoding
from vistaseg.models.segvol.configuration import SegVolConfiguration
from vistaseg.models.segvol.loading import load_segvol
from vistaseg.models.segvol.network import SegVolNetwork
from vistaseg.prompts import Point, RegionOfInterest, Text
from vistaseg.session import Session

IDENTITY = ModelIdentity("segvol", "SegVol", "ab" * 32)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_a_loaded_network_answers_every_kind_of_prompt(
    network: SegVolNetwork, small: SegVolConfiguration, tmp_path: Path, precision: torch.dtype
) -> None:
    save_file(
        {f"model.{name}": tensor for name, tensor in network.state_dict().items()}, tmp_path / "model.safetensors"
    )
    model = load_segvol(tmp_path / "model.safetensors", small, IDENTITY, Compute(torch.device("cpu"), precision))
    volume = body()
    ids = torch.full((77,), 49407)
    with patch.object(encoding, "token_ids", lambda text: ids.clone().index_copy_(0, torch.arange(1), level_ids(text))):
        masks = []
        for _ in range(2):
            session = Session(volume, model)
            session.start("a")
            for prompt in (
                Text("liver"),
                RegionOfInterest((5, 5, 5), (12, 12, 12)),
                Point((8.0, 8.0, 8.0)),
                Point((20.0, 20.0, 9.0), positive=False),
            ):
                session.add(prompt, "a")
            masks.append(session.result("a"))
    assert masks[0].mask.equals(masks[1].mask)


def test_another_file_is_refused(small: SegVolConfiguration, tmp_path: Path) -> None:
    save_file({"model.something": torch.zeros(3)}, tmp_path / "model.safetensors")
    with pytest.raises(WeightsError):
        load_segvol(tmp_path / "model.safetensors", small, IDENTITY, CPU)
