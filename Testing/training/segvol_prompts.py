"""Prompts for training a small SegVol: the combinations that SegVol was trained with, simulated from the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import torch
from augmentation import chance
from clicks import NEGATIVE, POSITIVE, as_tensors, random_voxel
from segvol_views import View
from torch import Tensor

from vistaseg.models.segvol.prompt_encoder import PromptBatch
from vistaseg.models.segvol.window_prompts import NOWHERE

What = TypeVar("What")

POINT, BOX, TEXT = "point", "box", "text"

WHOLE_KINDS = ((POINT,), (BOX,), (TEXT,), (POINT, TEXT), (BOX, TEXT), (POINT, BOX))
WINDOW_KINDS = ((BOX,), (TEXT,), (POINT, BOX), (BOX, TEXT), (POINT, BOX, TEXT))
"""A window that is asked about with points has a box of what was found, whatever else was asked."""

WEIGHTS = {(TEXT,): 3.0, (POINT,): 2.0}
"""How often a combination is asked with, where not once: a text or a point alone is the hardest to learn."""

OBJECTS = 4
"""Asked for in one view with one combination."""

NEAR = 8
"""Voxels that a negative click lies away from a place inside, at most."""

ABSENT_SHARE = 0.1
"""Of the questions: about what is not in the view."""


@dataclass(frozen=True, eq=False)
class Question:
    """One object.

    Attributes:
        mask: bool (D, H, W), the answer.
        text: its name, where it has one.
    """

    mask: Tensor
    text: str | None


def random_questions(view: View, named: bool, generator: torch.Generator) -> list[Question]:
    """Objects of a view, all with a name or some without; a few are not there."""
    texts, absent = view.texts(), view.texts(there=False)
    possible: list[str | int] = [*texts] if named else [*view.objects()]
    found = [_question(view, what) for what in _drawn(possible, OBJECTS, generator)]
    if absent and (not found or chance(ABSENT_SHARE * OBJECTS, generator)) and (named or view.zoomed_in):
        found.append(_question(view, _drawn(absent, 1, generator)[0]))
    return found


def _question(view: View, what: str | int) -> Question:
    return Question(view.organ(what), what) if isinstance(what, str) else Question(view.labels == what, None)


def _drawn(possible: list[What], count: int, generator: torch.Generator) -> list[What]:
    order = torch.randperm(len(possible), generator=generator)[:count]
    return [possible[int(n)] for n in order]


def random_kinds(view: View, count: int, generator: torch.Generator) -> list[tuple[str, ...]]:
    """Combinations to ask about a view with, all different."""
    kinds = WINDOW_KINDS if view.zoomed_in else WHOLE_KINDS
    weights = torch.tensor([WEIGHTS.get(kind, 1.0) for kind in kinds])
    return [kinds[int(number)] for number in torch.multinomial(weights, count, generator=generator)]


def prompts_for(
    questions: list[Question], kind: tuple[str, ...], embedded: dict[str, Tensor], generator: torch.Generator
) -> PromptBatch:
    """The same combination of prompts for each object.

    Args:
        embedded: text → (width,).
    """
    points = labels = boxes = texts = None
    if POINT in kind:
        clicks = [random_clicks(question.mask, generator) for question in questions]
        points, labels = as_tensors(clicks)
    if BOX in kind:
        boxes = torch.stack([box_around(question.mask, generator) for question in questions])
    if TEXT in kind:
        texts = torch.stack([embedded[question.text] for question in questions if question.text])
    return PromptBatch(points, labels, boxes, texts)


def random_clicks(mask: Tensor, generator: torch.Generator) -> list[tuple[Tensor, int]]:
    """One to five positive clicks, and sometimes negative ones nearby; none in what is empty."""
    if not mask.any():
        return []
    more = int(torch.randint(1, 5, (), generator=generator)) if chance(0.5, generator) else 0
    clicks = [(random_voxel(mask, generator), POSITIVE) for _ in range(1 + more)]
    if chance(0.3, generator):
        clicks.append((voxel_beside(mask, generator), NEGATIVE))
    return [(at, label) for at, label in clicks if at is not None]


def voxel_beside(mask: Tensor, generator: torch.Generator) -> Tensor | None:
    """A voxel outside a mask, near one of its own; None where there is none."""
    middle = random_voxel(mask, generator)
    if middle is None:
        return None
    start = (middle - NEAR).clamp(min=0)
    part = mask[tuple(slice(int(a), int(b)) for a, b in zip(start, middle + NEAR + 1, strict=True))]
    found = random_voxel(~part, generator)
    return None if found is None else found + start


def box_around(mask: Tensor, generator: torch.Generator) -> Tensor:
    """(6,) first and last voxel, up to a tenth of the size off; nowhere for what is empty."""
    if not mask.any():
        return torch.tensor([*NOWHERE, *NOWHERE], dtype=torch.float32)
    places = mask.nonzero()
    first, last = places.amin(0).float(), places.amax(0).float()
    most = 0.1 * (last - first + 1).repeat(2)
    off = (most * (2 * torch.rand(6, generator=generator) - 1)).round()
    limits = torch.tensor(mask.shape).repeat(2) - 1
    return torch.minimum((torch.cat([first, last]) + off).clamp(min=0), limits)
