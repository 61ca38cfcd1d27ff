"""Prompts of several kinds at once, given a single time and not corrected, as the authors of models report them."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from vistaseg.errors import InputError, UsageError
from vistaseg.evaluate.clicks import next_click
from vistaseg.evaluate.metrics import score
from vistaseg.evaluate.results import Prompted
from vistaseg.evaluate.simulation import bounding_box
from vistaseg.geometry.box import VoxelBox
from vistaseg.masks.boxed import BoxedMask, Mask
from vistaseg.progress import Progress, silent
from vistaseg.prompts import Point, Prompt, Text

if TYPE_CHECKING:
    from vistaseg.session import Session

KINDS = ("text", "box", "point", "patches")
"""In the order in which they are given."""

PATCH_MM = 192.0
"""Side of a patch: 128 voxels of 1.5 mm, what VISTA3D sees at once."""

Combination = tuple[str, ...]
"""Kinds that are given together, in the order of `KINDS`."""


def parse_combinations(text: str) -> tuple[Combination, ...]:
    """Combinations in words: "text, box, point+text".

    Raises:
        UsageError: a word is not a kind of prompt, a word or a combination comes twice, or none was given.
    """
    found = tuple(_parse(part) for part in text.split(","))
    if len(set(found)) < len(found):
        raise UsageError(f"Each combination of prompts counts once, and one comes twice in {text!r}: leave it out.")
    return found


def _parse(text: str) -> Combination:
    words = [word.strip().lower() for word in text.split("+")]
    unknown = [word for word in words if word not in KINDS]
    if unknown:
        raise UsageError(
            f"{unknown[0]!r} is not a kind of prompt: write text, box, point, patches, or several, as in box+text."
        )
    if len(set(words)) < len(words):
        raise UsageError(f"A kind of prompt comes twice in {text.strip()!r}: name each once.")
    return tuple(kind for kind in KINDS if kind in words)


def combination_name(combination: Combination) -> str:
    """In words: "text+box"."""
    return "+".join(combination)


def ask_once(
    session: Session,
    truth_mask: Mask,
    name: str,
    class_id: int | None,
    combination: Combination,
    progress: Progress = silent,
) -> Prompted:
    """Segment a structure by one combination of prompts: its name, the box around it, a click in its middle.

    They are given one after another, in the order of `KINDS`. What lies outside the body is refused and changes
    nothing; a name that the model does not know makes the whole combination impossible.

    Args:
        session: before the CT; gets a new segment.
        truth_mask: bool (k, j, i) on the CT's grid, not empty.
        name: of the structure, which is also its text.
        class_id: of the structure, None for one without a class.

    Raises:
        MemoryLimitError, CancelledError: of the session.
    """
    segment, words = f"{name} ({combination_name(combination)})", combination_name(combination)
    session.start(segment, class_id)
    answer, notes, start = np.zeros_like(truth_mask), [], time.perf_counter()
    for prompt in _prompts(session, truth_mask, name, combination):
        try:
            found = session.add(prompt, segment, progress)
        except UsageError as refusal:
            if not isinstance(prompt, Text):
                raise
            return Prompted(words, None, time.perf_counter() - start, (str(refusal),))
        except InputError as refusal:
            notes.append(str(refusal))
            continue
        notes += [found.note] if found.note else []
        answer = found.mask.within(VoxelBox.whole(session.volume.shape_ijk))
    seconds = time.perf_counter() - start
    return Prompted(words, score(truth_mask, answer, session.volume.spacing), seconds, tuple(notes))


def _prompts(session: Session, truth: Mask, name: str, combination: Combination) -> Iterator[Prompt]:
    for kind in combination:
        if kind == "text":
            yield Text(name)
        elif kind == "box":
            yield bounding_box(truth, session.volume.grid)
        elif kind == "patches":
            yield from patch_middles(session, truth)
        else:
            yield middle(session, truth)


def patch_middles(session: Session, truth: Mask) -> Iterator[Point]:
    """A click in each patch of the structure, in the middle of its part, as VISTA3D's authors measure points.

    The patches are cubes, voxels of the CT rounded, that are laid over the structure without overlap.

    Args:
        truth: bool (k, j, i), not empty.
    """
    part = BoxedMask.of(truth)
    sides = [max(1, round(PATCH_MM / step)) for step in session.volume.spacing[::-1]]
    for first in itertools.product(*(range(0, n, side) for n, side in zip(part.array.shape, sides, strict=True))):
        patch = part.array[tuple(slice(a, a + side) for a, side in zip(first, sides, strict=True))]
        found = next_click(patch, np.zeros_like(patch), session.volume.spacing)
        if found is not None:
            index = np.add(found[0], np.add(part.box.start, first[::-1]))
            r, a, s = session.volume.index_to_ras([index.tolist()])[0].tolist()
            yield Point((r, a, s))


def middle(session: Session, truth: Mask) -> Point:
    """A click where a user who sees the truth, bool (k, j, i) and not empty, clicks first."""
    found = next_click(truth, np.zeros_like(truth), session.volume.spacing)
    if found is None:
        raise InputError("The truth has no voxel: leave the structure out.")
    r, a, s = session.volume.index_to_ras([found[0]])[0].tolist()
    return Point((r, a, s))
