"""What is this? Names for a click, a box or a mask, each kind of model by its own measure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from vistaseg import catalog
from vistaseg.errors import InputError, UsageError
from vistaseg.geometry.box import VoxelBox
from vistaseg.masks.boxed import NO_VOXELS, Mask
from vistaseg.models.protocol import ClassMasks, OpenedVolume, PromptQuestion, SegmentationModel
from vistaseg.progress import Progress
from vistaseg.prompts import Point, Prompt, Text
from vistaseg.session.engines import Engines

NOTHING_THERE = "There is nothing to name there. Click into the structure, or give its mask."


@dataclass(frozen=True)
class Identification:
    """A name that may fit.

    Attributes:
        value: 0 … 1, of the measure.
        measure: "probability" among the names that a model reads, see `segvol.identify`; or "overlap" with a class.
        model: key of the model whose opinion it is.
    """

    name: str
    value: float
    measure: Literal["probability", "overlap"]
    model: str


def identify(
    engines: Engines, what: Prompt | Mask, shape_kji: tuple[int, ...], encode: bool, progress: Progress
) -> list[Identification]:
    """Names by each model in turn, the best of each first; see `Session.identify`."""
    _require_place(what, shape_kji)
    found = [name for model in engines.models for name in _names(engines, model, what, shape_kji, encode, progress)]
    if not found:
        raise UsageError(
            "No model here can name it. Add SegVol, or segment automatically first: then classes are compared with it."
        )
    return found


def class_overlaps(masks: ClassMasks, mask: Mask) -> dict[int, float]:
    """Dice of each class that meets a mask, 2 |A ∩ B| / (|A| + |B|), by id, the highest first.

    To name a mask by the class that overlaps it most is our rule.

    Args:
        mask: bool (k, j, i) on the grid of the classes, not empty.
    """
    # Slice by slice: NumPy counts a copy of eight bytes a voxel.
    sizes = np.sum([np.bincount(part.ravel(), minlength=256) for part in masks.labels], axis=0)
    shared = np.bincount(masks.labels[mask], minlength=256)
    counts = {int(i): (sizes[i], shared[i]) for i in np.flatnonzero(shared) if i != 0}
    counts |= {i: (part.sum(dtype=int), part[mask].sum(dtype=int)) for i, part in masks.overlaps.items()}
    total = int(mask.sum())
    dice = {i: 2 * float(both) / (float(size) + total) for i, (size, both) in counts.items() if both}
    return dict(sorted(dice.items(), key=lambda pair: -pair[1]))


def _require_place(what: Prompt | Mask, shape_kji: tuple[int, ...]) -> None:
    if isinstance(what, Text):
        raise UsageError("A text is a name already: give a click, a box or a mask.")
    if isinstance(what, Point) and not what.positive:
        raise UsageError("A negative click says what a structure is not: give a positive one.")
    if isinstance(what, np.ndarray) and what.shape != shape_kji:
        raise UsageError(f"The mask has {what.shape} voxels (k, j, i), the volume {shape_kji}.")


def _names(
    engines: Engines,
    model: SegmentationModel,
    what: Prompt | Mask,
    shape_kji: tuple[int, ...],
    encode: bool,
    progress: Progress,
) -> Iterator[Identification]:
    opened, key = engines.opened(model.identity.key), model.identity.key
    if Text in model.takes:
        for name, probability in opened.rank_names(what, progress):
            yield Identification(name, probability, "probability", key)
    elif model.class_ids and (encode or opened.windows() == 0):
        mask = what if isinstance(what, np.ndarray) else _prompted_mask(opened, what, shape_kji, progress)
        if not mask.any():
            raise InputError(NOTHING_THERE)
        for class_id, dice in class_overlaps(opened.segment_classes(model.class_ids, None, progress), mask).items():
            yield Identification(catalog.get(class_id).name, dice, "overlap", key)


def _prompted_mask(opened: OpenedVolume, what: Prompt, shape_kji: tuple[int, ...], progress: Progress) -> Mask:
    """What a click or box alone means to a model, on the volume's grid."""
    answer = opened.answer(PromptQuestion((what,), (), None, NO_VOXELS), progress)
    return answer.change.added.within(VoxelBox.whole(shape_kji[::-1]))
