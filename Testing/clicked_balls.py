"""VISTA3D with a stand-in for its point head, which sees a ball around each click; and scans to click on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from vistaseg.compute import Compute
from vistaseg.models.correction import VoxelClick
from vistaseg.models.protocol import ModelIdentity
from vistaseg.models.vista3d.channels_last import to_channels_last
from vistaseg.models.vista3d.configuration import Vista3dConfiguration
from vistaseg.models.vista3d.model import Vista3d
from vistaseg.models.vista3d.network import build_network
from vistaseg.models.vista3d.point_head import ClickTarget
from vistaseg.session import Session
from vistaseg.volume import Volume

RADIUS = 4.5
"""Voxels: the stand-in for the network sees a ball around each positive click, less those around negative ones."""

CONFIGURATION = Vista3dConfiguration(
    width=8, features=8, blocks_down=(1, 1), spacing=(3.0, 3.0, 3.0), window=(16, 16, 16), foreground_margin=2
)


def balls(
    head: object, reduced: torch.Tensor, size: Sequence[int], clicks: Sequence[VoxelClick], target: ClickTarget
) -> torch.Tensor:
    """Logits: above zero in the balls of positive clicks."""
    places = np.stack(np.meshgrid(*(np.arange(n) for n in size), indexing="ij"), axis=-1)
    found = np.full(size, -1.0, np.float32)
    for click in clicks:
        near = np.linalg.norm(places - np.array(click.index), axis=-1) < RADIUS
        found[near] = 1 if click.positive else -1
    return torch.from_numpy(found)


def all_but_balls(
    head: object, reduced: torch.Tensor, size: Sequence[int], clicks: Sequence[VoxelClick], target: ClickTarget
) -> torch.Tensor:
    """The contrary."""
    return torch.where(
        balls(head, reduced, size, [VoxelClick(c.index, not c.positive) for c in clicks], target) > 0, -1, 1
    )


def nothing(
    head: object, reduced: torch.Tensor, size: Sequence[int], clicks: Sequence[VoxelClick], target: ClickTarget
) -> torch.Tensor:
    """Below zero everywhere."""
    return torch.full(tuple(size), -1.0)


def body(shape_kji: tuple[int, ...] = (24, 26, 28), affine: np.ndarray | None = None) -> Volume:
    """A body that fills the volume but for a border of air."""
    array = np.full(shape_kji, -1000.0, np.float32)
    array[3:-3, 3:-3, 3:-3] = 40.0
    return Volume.from_array(array, np.diag([3.0, 3.0, 3.0, 1.0]) if affine is None else affine, axes="kji")


def affine_of(seed: int) -> np.ndarray:
    """Any rotation, flip and permutation, spacing 1 to 6 mm, far from the origin."""
    generator = np.random.default_rng(seed)
    turn = Rotation.random(random_state=seed).as_matrix() * generator.choice([-1, 1])
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag(generator.uniform(1, 6, 3))
    affine[:3, 3] = generator.uniform(-500, 500, 3)
    return affine


def ras(volume: Volume, ijk: Sequence[float]) -> tuple[float, float, float]:
    """RAS mm of a voxel."""
    r, a, s = volume.index_to_ras([list(ijk)])[0]
    return float(r), float(a), float(s)


def started(model: Vista3d) -> tuple[Volume, Session]:
    """A scan, and a session about it with an empty segment "a"."""
    volume = body()
    session = Session(volume, model)
    session.start("a")
    return volume, session


def full(session: Session, segment: str) -> np.ndarray:
    """The mask of a segment, (k, j, i) of the scan."""
    answer = session.result(segment)
    mask = np.zeros(session.volume.array.shape, bool)
    mask[answer.mask.box.slices_kji] = answer.mask.array
    return mask


def small_model() -> Vista3d:
    """With random weights."""
    torch.manual_seed(1)
    network = to_channels_last(build_network(CONFIGURATION).requires_grad_(False))
    identity = ModelIdentity("test", "Test", "ab" * 32)
    return Vista3d(network, CONFIGURATION, Compute(torch.device("cpu"), torch.float32), identity, 0, 10**8)
