"""Variants of a labelled CT that a model has more trouble with; the same ones every time.

Images are (1, 1, X, Y, Z) in HU, labels float32 of that shape, axes (x, y, z) in RAS order.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from augmentation import as_grid, elastic_offsets, sampled, slices_times
from scipy.spatial.transform import Rotation
from torch import Tensor

TURN = (12.0, 20.0)
"""Degrees about the axes R and S."""
DEFORMATION = 4.0
"""Standard deviation of the displacements, in voxels."""
SLICES = 3.0
"""How much thicker."""
BRIGHTER = 90.0
"""HU, of what is not air or lung."""
LUNG = -300.0
"""The most that counts as air or lung, HU."""

Scan = tuple[Tensor, Tensor]
"""Image and labels."""


def as_it_is(image: Tensor, labels: Tensor) -> Scan:
    return image, labels


def turned(image: Tensor, labels: Tensor) -> Scan:
    places, rotation = voxels_of(image), Rotation.from_euler("xz", TURN, degrees=True).as_matrix()
    middle = places[-1, -1, -1] / 2
    return sampled(image, labels, as_grid(middle + (places - middle) @ torch.from_numpy(rotation).float().T, image))


def deformed(image: Tensor, labels: Tensor) -> Scan:
    x, y, z = image.shape[-3:]
    offsets = elastic_offsets(max(x, y, z), DEFORMATION, torch.Generator().manual_seed(0))
    return sampled(image, labels, as_grid(voxels_of(image) + offsets[:x, :y, :z], image))


def in_thick_slices(image: Tensor, labels: Tensor) -> Scan:
    return slices_times(image, 2, SLICES), labels


def brighter(image: Tensor, labels: Tensor) -> Scan:
    return torch.where(image > LUNG, image + BRIGHTER, image), labels


def lower_half(image: Tensor, labels: Tensor) -> Scan:
    half = image.shape[-1] // 2
    return image[..., :half], labels[..., :half]


VARIANTS: tuple[Callable[[Tensor, Tensor], Scan], ...] = (
    as_it_is,
    turned,
    deformed,
    in_thick_slices,
    brighter,
    lower_half,
)


def voxels_of(image: Tensor) -> Tensor:
    """Indices of an image's voxels, (X, Y, Z, 3) float32."""
    return torch.stack(torch.meshgrid(*(torch.arange(n).float() for n in image.shape[-3:]), indexing="ij"), dim=-1)
