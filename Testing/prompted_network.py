"""A stand-in for SegVol's network whose answers lie where its prompts are, so that places can be tested."""

from __future__ import annotations

import numpy as np
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from vistaseg.compute import Compute
from vistaseg.models.protocol import ModelIdentity
from vistaseg.models.segvol.configuration import SegVolConfiguration
from vistaseg.models.segvol.model import SegVol
from vistaseg.models.segvol.prompt_encoder import PromptBatch
from vistaseg.volume import Volume

RADIUS = 2.5
"""Voxels of a window: a positive click is a ball, a negative one takes a ball away."""

LEVELS = {"bone": 1.0, "left kidney": 1.0, "liver": 0.6, "spleen": 0.8}
"""What a text looks like: intensity in 0 … 1."""

CONFIGURATION = SegVolConfiguration(image_size=(8, 16, 16), patch_size=(4, 4, 4))
CPU = Compute(torch.device("cpu"), torch.float32)


def level_ids(text: str) -> Tensor:
    """Stands for `token_ids`: the level of a text in percent, -100 for an unknown one."""
    return torch.tensor([round(100 * LEVELS.get(text, -1.0))])


class PromptedNetwork:
    """Embeds an image as itself; answers with balls around clicks, boxes, and the voxels of a text's level.

    Sure of what it finds: where windows overlap, one that finds a voxel outvotes two that do not.

    Attributes:
        embedded: images that were embedded.
        asked: prompts that were answered.
    """

    def __init__(self) -> None:
        self.embedded: list[Tensor] = []
        self.read: list[Tensor] = []
        self.asked: list[PromptBatch] = []

    def embed(self, image: Tensor) -> Tensor:
        self.embedded.append(image)
        return image

    def embed_texts(self, ids: Tensor) -> Tensor:
        self.read.append(ids)
        return ids / 100

    def decode(self, embedding: Tensor, prompts: PromptBatch) -> Tensor:
        self.asked.append(prompts)
        kinds = [kind for kind in (prompts.points, prompts.boxes, prompts.texts) if kind is not None]
        answers = [self._one(embedding[0, 0], prompts, n) for n in range(len(kinds[0]))]
        return torch.stack([torch.where(answer, 3.0, -1.0) for answer in answers])

    def _one(self, image: Tensor, prompts: PromptBatch, n: int) -> Tensor:
        places = torch.stack(torch.meshgrid(*map(torch.arange, image.shape), indexing="ij"), dim=-1)
        found = torch.ones(image.shape, dtype=torch.bool)
        if prompts.texts is not None:
            found &= (image - prompts.texts[n]).abs() < 0.05
        if prompts.boxes is not None and prompts.points is None:
            found &= ((places >= prompts.boxes[n, :3]) & (places <= prompts.boxes[n, 3:])).all(dim=-1)
        if prompts.points is not None:
            found &= self._clicked(places, prompts.points[n], prompts.labels[n], prompts.texts is not None)
        return found

    @staticmethod
    def _clicked(places: Tensor, points: Tensor, labels: Tensor, with_text: bool) -> Tensor:
        near = [((places - point).float().norm(dim=-1) < RADIUS) for point in points]
        clicked = torch.full(places.shape[:3], with_text and not (labels == 1).any())
        for ball, label in sorted(zip(near, labels.tolist(), strict=True), key=lambda pair: -pair[1]):
            clicked = clicked | ball if label == 1 else clicked & ~ball if label == 0 else clicked
        return clicked


def prompted_model(window_bytes: int = 10**8, configuration: SegVolConfiguration = CONFIGURATION) -> SegVol:
    """SegVol around a network of its own."""
    network = PromptedNetwork()
    return SegVol(network, configuration, CPU, ModelIdentity("segvol", "SegVol", "ab" * 32), window_bytes)


def affine_of(seed: int) -> np.ndarray:
    """Any rotation, flip and permutation, spacing 1 to 6 mm, far from the origin."""
    generator = np.random.default_rng(seed)
    affine = np.eye(4)
    turn = Rotation.random(random_state=seed).as_matrix() * generator.choice([-1, 1])
    affine[:3, :3] = turn @ np.diag(generator.uniform(1, 6, 3))
    affine[:3, 3] = generator.uniform(-500, 500, 3)
    return affine


def body(shape_kji: tuple[int, int, int] = (20, 40, 44), affine: np.ndarray | None = None) -> Volume:
    """A body with a plate of bone in nothing: 0 is mapped to 0 and 1000 to 1, also with more painted into it."""
    array = np.full(shape_kji, -5000, np.int16)
    array[1:-1, 1:-1, 1:-1] = 0
    array[1, 1:-1, 1:-1] = 1000
    array[-2, 1:-1, 1:-1] = 1000
    return Volume.from_array(array, np.eye(4) if affine is None else affine, axes="kji")


def noise(shape_kji: tuple[int, int, int]) -> Volume:
    """For scans that are too small to hold a body."""
    return Volume.from_array(np.random.default_rng(0).normal(0, 500, shape_kji).astype(np.int16), np.eye(4), axes="kji")
