"""Clicks with the full-size network and random weights in one published window, against MONAI's window inferer."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from automatic import CONFIGURATION, SIDE, noise_image
from monai.apps.vista3d.inferer import point_based_window_inferer
from timing import in_turns, ratio, spread

from vistaseg.compute import Compute, supports_bf16
from vistaseg.models.correction import VoxelClick
from vistaseg.models.vista3d.channels_last import to_channels_last
from vistaseg.models.vista3d.click_windows import ClickWindows
from vistaseg.models.vista3d.interactive import ClickQuestion, PointBranch
from vistaseg.models.vista3d.network import build_network
from vistaseg.models.vista3d.point_head import ClickTarget
from vistaseg.progress import silent

FIRST, SECOND = VoxelClick((60, 64, 70), True), VoxelClick((66, 60, 72), True)
BUDGET = 1 << 30


def measure() -> dict[str, Any]:
    """`second_click_vs_monai`, `warm_click_vs_monai`, `first_click_fp32_vs_monai`, `first_click_bf16_vs_monai`."""
    torch.manual_seed(1)
    network = build_network(CONFIGURATION).requires_grad_(False)
    ours = to_channels_last(copy.deepcopy(network))
    image, cpu = noise_image((SIDE, SIDE, SIDE)), torch.device("cpu")
    nothing = np.zeros(image.size, dtype=bool)

    def branch(dtype: torch.dtype = torch.float32) -> PointBranch:
        encoded = ClickWindows(ours, image, Compute(cpu, dtype), BUDGET)
        return PointBranch(ours, encoded, CONFIGURATION.window, image.size)

    def click(answering: PointBranch, clicks: tuple[VoxelClick, ...]) -> None:
        answering.answer(ClickQuestion(clicks, ClickTarget(supported=True)), nothing, silent)

    def published() -> None:
        # Every click of the published pipeline encodes its window anew; the time for one click is compared.
        with torch.inference_mode():
            point_based_window_inferer(
                image.voxels[None, None],
                CONFIGURATION.window,
                network,
                point_coords=torch.tensor([[FIRST.index]], dtype=torch.float32),
                point_labels=torch.tensor([[1]]),
                prompt_class=torch.tensor([[1]]),
                transpose=True,
            )

    clicked, hinted = branch(), branch()
    click(clicked, (FIRST,))
    hinted.encode(FIRST.index, silent)
    works = {
        "published": published,
        "first": lambda: click(branch(), (FIRST,)),
        "second": lambda: click(clicked, (FIRST, SECOND)),
        "warm": lambda: click(hinted, (FIRST,)),
    }
    if supports_bf16(cpu):
        works["bf16"] = lambda: click(branch(torch.bfloat16), (FIRST,))
    seconds = in_turns(works)
    return {
        "second_click_vs_monai": ratio(seconds["second"], seconds["published"]),
        "warm_click_vs_monai": ratio(seconds["warm"], seconds["published"]),
        "first_click_fp32_vs_monai": ratio(seconds["first"], seconds["published"]),
        "first_click_bf16_vs_monai": ratio(seconds["bf16"], seconds["published"]) if "bf16" in seconds else None,
        "second_click_seconds": spread(seconds["second"]),
    }
