"""The automatic pass with the full-size network and random weights, one published window of a noise volume."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from reference_pipeline import automatic_logits
from timing import in_turns, ratio, spread

from vistaseg import catalog
from vistaseg.compute import Compute, supports_bf16
from vistaseg.geometry.grid import Grid
from vistaseg.models.vista3d.automatic import AutomaticBranch
from vistaseg.models.vista3d.channels_last import to_channels_last
from vistaseg.models.vista3d.classify import ClassQuestion
from vistaseg.models.vista3d.click_windows import ClickWindows
from vistaseg.models.vista3d.configuration import Vista3dConfiguration
from vistaseg.models.vista3d.network import build_network
from vistaseg.models.vista3d.preprocessing import NetworkImage
from vistaseg.progress import silent
from vistaseg.volume.prepare import GridMap
from vistaseg.volume.source import source_map

CONFIGURATION = Vista3dConfiguration()
SIDE = CONFIGURATION.window[0]
WINDOW_GFLOP = 3979
"""Of the automatic pass over one window of 128³ with 117 classes."""

KEEP = 1 << 30


def noise_image(size: tuple[int, int, int]) -> NetworkImage:
    """Noise on the network's grid."""
    voxels = torch.rand(size, generator=torch.Generator().manual_seed(1))
    x, y, z = (np.arange(n) for n in size)
    grid = Grid(size, np.diag([1.5, 1.5, 1.5, 1.0]))
    return NetworkImage(
        voxels, grid, GridMap((0, 1, 2), (x, y, z)), source_map(grid, grid), 0.0, voxels.numpy().transpose(2, 1, 0)
    )


def measure() -> dict[str, Any]:
    """`auto_fp32_vs_monai`, `auto_bf16_vs_monai`, `classes_117_vs_1`, `later_class_vs_first`."""
    torch.manual_seed(1)
    network = build_network(CONFIGURATION).requires_grad_(False)
    ours = to_channels_last(copy.deepcopy(network))
    image, everything = noise_image((SIDE, SIDE, SIDE)), catalog.everything()
    cpu = torch.device("cpu")

    def branch(dtype: torch.dtype) -> AutomaticBranch:
        return AutomaticBranch(ours, CONFIGURATION, image, Compute(cpu, dtype), KEEP)

    def ask(ids: tuple[int, ...], dtype: torch.dtype = torch.float32) -> AutomaticBranch:
        answered = branch(dtype)
        answered.answer(ClassQuestion(ids), None, silent)
        return answered

    def published() -> None:
        # The published pipeline goes on to an argmax over all classes.
        with torch.inference_mode():
            logits = automatic_logits(network, image.voxels[None], everything, CONFIGURATION)
            logits.max(dim=0)

    def prepared() -> None:
        encoded = ClickWindows(ours, image, Compute(cpu, torch.float32), KEEP)
        branch(torch.float32).answer(ClassQuestion(everything), None, silent, encoded)

    known = ask((1,))
    works = {
        "published": published,
        "fp32": lambda: ask(everything),
        "prepared": prepared,
        "one class": lambda: ask((1,)),
        "later class": lambda: known.answer(ClassQuestion((3,)), None, silent),
    }
    if supports_bf16(cpu):
        works["bf16"] = lambda: ask(everything, torch.bfloat16)
    seconds = in_turns(works)
    return {
        "auto_fp32_vs_monai": ratio(seconds["fp32"], seconds["published"]),
        "auto_bf16_vs_monai": ratio(seconds["bf16"], seconds["published"]) if "bf16" in seconds else None,
        "auto_with_clicks_vs_without": ratio(seconds["prepared"], seconds["fp32"]),
        "classes_117_vs_1": ratio(seconds["fp32"], seconds["one class"]),
        "later_class_vs_first": ratio(seconds["later class"], seconds["fp32"]),
        "auto_fp32_seconds_a_window": spread(seconds["fp32"]),
        "auto_fp32_gflop_a_second": spread([WINDOW_GFLOP / s for s in seconds["fp32"]]),
        "matrix_product_gflop_a_second": spread(matrix_product_speed()),
    }


def matrix_product_speed() -> list[float]:
    """GFLOP a second of a large fp32 matrix product: what this machine reaches at best."""
    side = 4096
    a, b = torch.rand(side, side), torch.rand(side, side)
    return [2e-9 * side**3 / s for s in in_turns({"matrix product": lambda: a @ b})["matrix product"]]
