"""What the weights of each model must hold, so that a file can be checked before it is installed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from vistaseg.weights.checkpoint import check_tensors, normalise_vista3d, read_state_dict

Shapes = Mapping[str, "tuple[int, ...]"]


@dataclass(frozen=True)
class Layout:
    """How to bring a model's published states to one form, and the names and shapes it then has."""

    normalise: Callable[[Mapping[str, Any]], dict[str, Tensor]]
    shapes: Callable[[], Shapes]


def vista3d_shapes() -> Shapes:
    """Names and shapes of the 259 tensors of MONAI's `vista3d132`; no memory is taken for their values."""
    import torch
    from monai.networks.nets.vista3d import vista3d132

    with torch.device("meta"):
        return {name: tuple(tensor.shape) for name, tensor in vista3d132().state_dict().items()}


LAYOUTS = {"vista3d": Layout(normalise_vista3d, vista3d_shapes)}


def check_file(path: Path, model: str, expected: Shapes | None = None) -> None:
    """Read the checkpoint at `path` and compare it with what `model` needs, or with `expected` if given.

    Raises:
        WeightsError: unreadable, or not the weights of this model; says why.
    """
    layout = LAYOUTS[model]
    state = layout.normalise(read_state_dict(path))
    check_tensors(layout.shapes() if expected is None else expected, state, str(path))
