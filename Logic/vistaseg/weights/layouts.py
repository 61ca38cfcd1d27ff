"""What the weights of each model must hold, so that a file can be checked before it is installed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from vistaseg.errors import WeightsError
from vistaseg.weights.checkpoint import (
    check_tensors,
    normalise_segvol,
    normalise_vista3d,
    only_shapes,
    read_state_dict,
)
from vistaseg.weights.segvol_tensors import segvol_shapes

Shapes = Mapping[str, "tuple[int, ...]"]


@dataclass(frozen=True)
class Layout:
    """How to bring a model's published states to one form, and what they hold then.

    Attributes:
        title: the model's name for people.
        mark: name of a tensor that this model has, of whatever size it is, and no other model.
        normalise: a published state under the model's own tensor names.
        shapes: names and shapes of all tensors.
    """

    title: str
    mark: str
    normalise: Callable[[Mapping[str, Any]], dict[str, Tensor]]
    shapes: Callable[[], Shapes]


def vista3d_shapes() -> Shapes:
    """Names and shapes of the 259 tensors of MONAI's `vista3d132`; no memory is taken for their values."""
    from monai.networks.nets.vista3d import vista3d132

    with only_shapes():
        return {name: tuple(tensor.shape) for name, tensor in vista3d132().state_dict().items()}


LAYOUTS = {
    "vista3d": Layout("VISTA3D", "class_head.class_embeddings.weight", normalise_vista3d, vista3d_shapes),
    "segvol": Layout("SegVol", "text_encoder.dim_align.weight", normalise_segvol, segvol_shapes),
}


def check_file(path: Path, model: str, expected: Shapes | None = None) -> None:
    """Read the checkpoint at `path` and compare it with what `model` needs, or with `expected` if given.

    Raises:
        WeightsError: unreadable, or not the weights of this model; says why, and whose they are if that is known.
    """
    layout = LAYOUTS[model]
    state = layout.normalise(read_state_dict(path))
    _refuse_other_model(path, model, state)
    check_tensors(layout.shapes() if expected is None else expected, state, str(path))


def _refuse_other_model(path: Path, model: str, state: Mapping[str, Tensor]) -> None:
    for key, other in LAYOUTS.items():
        if key != model and other.mark in state:
            raise WeightsError(
                f"{path} holds the weights of {other.title}, not of {LAYOUTS[model].title}. "
                f"Import it as that: vistaseg weights import {path} --key {key}"
            )
