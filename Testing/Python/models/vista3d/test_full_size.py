"""Clicks of the full-size network with random weights against MONAI's own, in windows small enough for a CPU."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
from clicked_balls import full
from monai.apps.vista3d.inferer import point_based_window_inferer
from monai_labelling import scikit_image_or_stand_in
from reference_pipeline import as_meta_tensor, click_logits, clicked_places, preprocessing

from vistaseg.compute import Compute
from vistaseg.models.protocol import ModelIdentity
from vistaseg.models.recipe import Recipe
from vistaseg.models.vista3d import interactive
from vistaseg.models.vista3d.channels_last import to_channels_last
from vistaseg.models.vista3d.configuration import Vista3dConfiguration
from vistaseg.models.vista3d.model import Vista3d
from vistaseg.models.vista3d.network import build_network
from vistaseg.prompts import Point
from vistaseg.session import Session
from vistaseg.volume import Volume

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
CONFIGURATION = Vista3dConfiguration(window=(32, 32, 32))
SIZE, AT, AWAY = (32, 32, 32), (14, 17, 15), (20, 12, 18)
TUMOR = 23


@dataclass(frozen=True, eq=False)
class Reference:
    """What MONAI makes of the scan, and our model with the same weights."""

    model: Vista3d
    volume: Volume
    special: torch.Tensor
    after: np.ndarray


def given() -> np.ndarray:
    """A mask (k, j, i) to take something away from."""
    mask = np.zeros(SIZE[::-1], bool)
    mask[4:28, 4:28, 4:28] = True
    return mask


@pytest.fixture(scope="module")
def reference() -> Iterator[Reference]:
    """One network serves both: MONAI's answers come first, since ours has its channels in another order."""
    torch.manual_seed(11)
    with torch.no_grad():
        network = build_network(CONFIGURATION).requires_grad_(False)
    array = np.random.default_rng(1).normal(60, 80, SIZE[::-1]).astype(np.float32)
    array[0, 0, 0] = array[-1, -1, -1] = 300
    volume = Volume.from_array(array, np.diag([1.5, 1.5, 1.5, 1.0]), axes="kji")
    special = click_logits(network, volume, [AT], [3], TUMOR, CONFIGURATION)
    image = preprocessing(CONFIGURATION)({"image": as_meta_tensor(volume)})["image"]
    before = torch.from_numpy(np.where(given().transpose(2, 1, 0), 5.0, -5.0).astype(np.float32))[None, None]
    with torch.inference_mode(), scikit_image_or_stand_in():
        merged = point_based_window_inferer(
            image[None].as_tensor(),
            CONFIGURATION.window,
            network,
            point_coords=clicked_places(volume, image, [AWAY]),
            point_labels=torch.tensor([[0]]),
            prompt_class=torch.tensor([[1]]),
            prev_mask=before,
            transpose=True,
        )
    after = (torch.as_tensor(merged[0, 0]) > 0).numpy().transpose(2, 1, 0)
    identity = ModelIdentity("test", "Test", "ab" * 32, recipe=Recipe(merging="published"))
    cpu = Compute(torch.device("cpu"), torch.float32)
    yield Reference(Vista3d(to_channels_last(network), CONFIGURATION, cpu, identity, 0, 10**8), volume, special, after)


def ras(volume: Volume, ijk: tuple[int, int, int]) -> tuple[float, float, float]:
    r, a, s = (float(value) for value in volume.index_to_ras([list(ijk)])[0])
    return r, a, s


def test_a_click_on_a_special_class_gives_monais_logits(reference: Reference) -> None:
    session = Session(reference.volume, reference.model)
    session.start("tumor", TUMOR)
    seen: list[torch.Tensor] = []
    own = interactive.logits

    def watched(*arguments: Any) -> torch.Tensor:
        seen.append(own(*arguments))
        return seen[-1]

    with patch.object(interactive, "logits", watched):
        session.add(Point(ras(reference.volume, AT)), "tumor")
    torch.testing.assert_close(seen[0], reference.special, atol=1e-4, rtol=0)


def test_a_negative_click_takes_away_what_monai_takes_away(reference: Reference) -> None:
    session = Session(reference.volume, reference.model)
    session.start("liver", 1)
    session.set_mask("liver", given())
    session.add(Point(ras(reference.volume, AWAY), positive=False), "liver")
    ours = full(session, "liver")
    removed = given() & ~reference.after
    assert removed.any() and not (reference.after & ~given()).any()
    # Logits that are 0 but for rounding may fall on either side.
    assert (ours != reference.after).mean() < 1e-3
