"""How well a mask agrees with the truth."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from vistaseg.masks.boxed import BoxedMask, Mask

TOLERANCE_MM = 2.0
"""How far a surface may be off and still count as right, as in the CVPR 2025 challenge."""

_MARGIN = 2  # voxels around the content: a surface at the border of the array is a surface like any other


@dataclass(frozen=True)
class Scores:
    """Agreement with the truth, 0 to 1 each.

    Attributes:
        dice: 2 |A ∩ B| / (|A| + |B|).
        surface_dice: the part of both surfaces that is at most `TOLERANCE_MM` from the other.
    """

    dice: float
    surface_dice: float


def score(truth: Mask, prediction: Mask, spacing: Sequence[float]) -> Scores:
    """Compare a mask with the truth.

    The surface is the triangulated one with its area, as in DeepMind's surface-distance, which the challenge uses.

    Args:
        truth, prediction: bool (k, j, i), of one shape; the truth has a voxel.
        spacing: of the voxels along (i, j, k), in mm.
    """
    if not prediction.any():
        return Scores(0.0, 0.0)
    import torch
    from monai.metrics import compute_dice, compute_surface_dice

    true, found = (torch.from_numpy(mask)[None, None] for mask in _cropped(truth, prediction))
    with _quiet():
        surface = compute_surface_dice(
            found,
            true,
            [TOLERANCE_MM],
            include_background=True,
            spacing=[float(step) for step in reversed(spacing)],
            use_subvoxels=True,
        )
    return Scores(compute_dice(found, true, include_background=True).item(), surface.item())


def area_under_curve(values: Sequence[float]) -> float:
    """Area under scores after 1, 2, … clicks by trapezoids, as in the challenge: at most 4 for five clicks."""
    return sum((one + other) / 2 for one, other in pairwise(values))


def _cropped(truth: Mask, prediction: Mask) -> tuple[Mask, Mask]:
    """Both masks in the box that holds them, and a margin of nothing."""
    box = BoxedMask.of(truth | prediction).box
    one, other = (np.pad(mask[box.slices_kji], _MARGIN) for mask in (truth, prediction))
    return one, other


@contextmanager
def _quiet() -> Iterator[None]:
    """Without MONAI's warning about an argument that MONAI itself gives."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*always_return_as_numpy", FutureWarning)
        yield
