"""A user who knows the truth, before a session."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from vistaseg.errors import InputError, UsageError
from vistaseg.evaluate.clicks import next_click
from vistaseg.evaluate.memory import peak_bytes
from vistaseg.evaluate.metrics import score
from vistaseg.evaluate.results import EvaluatedStep
from vistaseg.geometry.box import VoxelBox
from vistaseg.geometry.grid import Grid
from vistaseg.masks.boxed import Mask
from vistaseg.progress import Progress, silent
from vistaseg.prompts import Point, Prompt, RegionOfInterest

if TYPE_CHECKING:
    from vistaseg.session import Session


def simulate(
    session: Session,
    truth_mask: Mask,
    segment: str,
    class_id: int | None = None,
    clicks: int = 5,
    box: bool = False,
    progress: Progress = silent,
    start: Mask | None = None,
) -> tuple[EvaluatedStep, ...]:
    """Segment a structure with simulated clicks, each at the middle of the largest error that is left.

    Args:
        session: before the CT; gets a new segment.
        truth_mask: bool (k, j, i) on the CT's grid.
        segment: name of the new segment.
        class_id: of the structure, None for one without a class.
        clicks: how many.
        box: begin with the box around the truth.
        start: mask that the clicks are to correct, like the truth; None for nothing.

    Returns:
        A step for the box, if one is wanted, and for each click. Where nothing is left to mend the step repeats the
        last one without a prompt. A prompt that the session refuses changes nothing, and the step says why.

    Raises:
        UsageError: the number of clicks is below 1.
        InputError: the truth is empty.
        MemoryLimitError, CancelledError: of the session.
    """
    if clicks < 1:
        raise UsageError(f"{clicks} clicks cannot be simulated: ask for at least 1.")
    if not truth_mask.any():
        raise InputError(f"The truth has no voxel of {segment}: leave it out.")
    session.start(segment, class_id)
    if start is not None:
        session.set_mask(segment, start)
    user = _User(session, truth_mask, segment, progress, start)
    first = [user.step(0, bounding_box(truth_mask, session.volume.grid))] if box else []
    return (*first, *(user.step(number, user.next_point()) for number in range(1, clicks + 1)))


def bounding_box(mask: Mask, grid: Grid) -> RegionOfInterest:
    """The smallest box along R, A and S around all voxels, whole, of `mask`, (k, j, i) on `grid`, not empty."""
    ras = grid.index_to_ras(_row_ends(mask))
    reach = np.abs(grid.ijk_to_ras[:3, :3]).sum(axis=1) / 2
    (r0, a0, s0), (r1, a1, s1) = ras.min(axis=0) - reach, ras.max(axis=0) + reach
    return RegionOfInterest.between((float(r0), float(a0), float(s0)), (float(r1), float(a1), float(s1)))


def _row_ends(mask: Mask) -> np.ndarray:
    """First and last voxel (i, j, k) of each row along i, which are the outermost in any direction; (N, 3)."""
    k, j = np.nonzero(mask.any(axis=2))
    rows = mask[k, j]
    first, last = rows.argmax(axis=1), mask.shape[2] - 1 - rows[:, ::-1].argmax(axis=1)
    return np.concatenate([np.stack([i, j, k], axis=1) for i in (first, last)])


class _User:
    """Clicks where the answer so far is wrong."""

    def __init__(self, session: Session, truth: Mask, segment: str, progress: Progress, start: Mask | None) -> None:
        self._session, self._truth, self._segment, self._progress = session, truth, segment, progress
        self._answer = np.zeros_like(truth) if start is None else start

    def next_point(self) -> Point | None:
        """The next click, None where nothing is wrong."""
        volume = self._session.volume
        found = next_click(self._truth, self._answer, volume.spacing)
        if found is None:
            return None
        index, positive = found
        r, a, s = volume.index_to_ras([index])[0].tolist()
        return Point((r, a, s), positive)

    def step(self, clicks: int, prompt: Prompt | None) -> EvaluatedStep:
        """Give a prompt, and compare the answer with the truth."""
        seconds, note = (0.0, "") if prompt is None else self._ask(prompt)
        scores = score(self._truth, self._answer, self._session.volume.spacing)
        return EvaluatedStep(clicks, scores.dice, scores.surface_dice, seconds, peak_bytes(), prompt, note)

    def _ask(self, prompt: Prompt) -> tuple[float, str]:
        """The seconds that it took, and what the session says of it."""
        start = time.perf_counter()
        try:
            answer = self._session.add(prompt, self._segment, self._progress)
        except InputError as refusal:  # a click outside what the model sees: a user would have made it too
            return time.perf_counter() - start, str(refusal)
        seconds = time.perf_counter() - start
        self._answer = answer.mask.within(VoxelBox.whole(self._session.volume.shape_ijk))
        return seconds, answer.note
