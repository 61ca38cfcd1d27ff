"""A VISTA3D small enough to run in milliseconds, with random weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from unittest.mock import patch

import numpy as np
import pytest
import torch
from clicked_balls import balls, small_model
from monai.networks.nets.vista3d import VISTA3D

from vistaseg.compute import Compute
from vistaseg.geometry.grid import Grid
from vistaseg.models.vista3d import interactive
from vistaseg.models.vista3d.automatic import AutomaticBranch
from vistaseg.models.vista3d.configuration import Vista3dConfiguration
from vistaseg.models.vista3d.model import Vista3d
from vistaseg.models.vista3d.network import build_network
from vistaseg.models.vista3d.preprocessing import NetworkImage
from vistaseg.volume.prepare import GridMap
from vistaseg.volume.source import source_map


@pytest.fixture(scope="session")
def small() -> Vista3dConfiguration:
    return Vista3dConfiguration(width=8, features=8, blocks_down=(1, 1), window=(16, 16, 16))


@pytest.fixture(scope="session")
def network(small: Vista3dConfiguration) -> VISTA3D:
    torch.manual_seed(3)
    return build_network(small).requires_grad_(False)


@pytest.fixture(scope="session")
def compute() -> Compute:
    return Compute(torch.device("cpu"), torch.float32)


@pytest.fixture(scope="session")
def as_image() -> Callable[[np.ndarray], NetworkImage]:
    def make(voxels: np.ndarray) -> NetworkImage:
        x, y, z = (np.arange(n) for n in voxels.shape)
        back = GridMap((0, 1, 2), (x, y, z))
        grid = Grid(voxels.shape, np.eye(4))
        hu = 2000 * voxels.transpose(2, 1, 0) - 1000
        own = torch.from_numpy(voxels.astype(np.float32))
        return NetworkImage(own, grid, back, source_map(grid, grid), 0.05, hu)

    return make


@pytest.fixture
def make_branch(
    network: VISTA3D, small: Vista3dConfiguration, compute: Compute
) -> Callable[[NetworkImage, int], AutomaticBranch]:
    def make(image: NetworkImage, keep_bytes: int = 0) -> AutomaticBranch:
        return AutomaticBranch(network, small, image, compute, keep_bytes)

    return make


@pytest.fixture(scope="module")
def sees_balls() -> Iterator[None]:
    """The point head sees a ball around each click."""
    with patch.object(interactive, "logits", balls):
        yield


@pytest.fixture(scope="module")
def model() -> Vista3d:
    return small_model()
