"""The point branch over one image: a click answered in its window, and followed where the structure goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from monai.networks.nets.vista3d import VISTA3D

from vistaseg.compute import memory_guard, with_second_try
from vistaseg.geometry.box import Index, VoxelBox, as_index
from vistaseg.masks.boxed import Mask
from vistaseg.masks.components import components_at, deepest_voxel
from vistaseg.models.answers import require_numbers
from vistaseg.models.correction import (
    VoxelClick,
    near_click,
    published_change,
    recognises,
    touched_change,
)
from vistaseg.models.vista3d.click_windows import ClickWindows, centred_window, deepest_window, fitting_window
from vistaseg.models.vista3d.following import End, widest_end
from vistaseg.models.vista3d.point_head import ClickTarget, logits
from vistaseg.progress import Progress

MOST_WINDOWS = 8
"""Windows that one click may be followed through."""

STOPPED = (
    f"Stopped after {MOST_WINDOWS} windows, and the structure goes on: click where it is missing to follow it further."
)

DOUBTFUL = (
    "The model disagrees here; only the area near the click was changed. Click again to change more, or erase large "
    "parts by hand."
)


@dataclass(frozen=True)
class ClickQuestion:
    """One new click on a segment.

    Attributes:
        clicks: every click of the segment so far, the new one last, on the network's grid.
        limit: voxels outside are not added; None: no limit.
        windows: windows of the segment's earlier clicks, the latest first: one that holds the click is used again.
        given: whether the mask is more than what the clicks led to.
    """

    clicks: tuple[VoxelClick, ...]
    target: ClickTarget
    limit: VoxelBox | None = None
    windows: tuple[VoxelBox, ...] = ()
    given: bool = False


@dataclass(frozen=True, eq=False)
class ClickAnswer:
    """What a click changes.

    Attributes:
        mask: the segment after the click, bool (x, y, z) on the network's grid.
        window: in which the click was answered.
        note: a sentence for the user, or nothing.
    """

    mask: Mask
    window: VoxelBox
    note: str = ""


class PointBranch:
    """Answers clicks about one image of `size` voxels (x, y, z).

    Args:
        merging: how an answer changes a mask, see `recipe.RULES`. The published rule knows the window of the click
            alone: nothing stands in for a missing positive click, no answer is doubted, and no structure is followed.
    """

    def __init__(
        self, network: VISTA3D, encoded: ClickWindows, window: Index, size: Index, merging: str = "touched"
    ) -> None:
        self._network, self._encoded, self.window, self._size = network, encoded, window, size
        self._published = merging == "published"

    def encode(self, index: Index, progress: Progress) -> None:
        """Have the window of a click at hand before it comes."""
        if fitting_window(index, self._encoded.windows, self._size) is None:
            progress("windows", 0, 1)
            with memory_guard("the preparation of a click"):
                window = centred_window(index, self.window, self._size)
                with_second_try(partial(self._encoded.reduced, window), self._encoded.forget)

    def answer(self, question: ClickQuestion, before: Mask, progress: Progress) -> ClickAnswer:
        """What the new click changes in a mask (x, y, z).

        Where memory runs out in a window, the kept windows are released and it is tried once more.

        Raises:
            MemoryLimitError, CancelledError: nothing was changed.
        """
        progress("windows", 0, 1)
        window = self._choose(question)
        with memory_guard("the answer to a click"):
            mask = before.copy()
            answer_in = self._merge_in if self._published else self._answer_in
            note = with_second_try(partial(answer_in, window, question, mask), self._encoded.forget)
            if question.clicks[-1].positive and not note and not self._published:
                note = self._follow(window, question, before, mask, progress)
            return ClickAnswer(mask, window, note)

    def _choose(self, question: ClickQuestion) -> VoxelBox:
        click = question.clicks[-1]
        return (
            fitting_window(click.index, question.windows, self._size)
            or deepest_window(click.index, self._encoded.windows, self._size)
            or centred_window(click.exact, self.window, self._size)
        )

    def _merge_in(self, window: VoxelBox, question: ClickQuestion, mask: Mask) -> str:
        """Change the mask by the published rule, in the window of the new click; returns no note."""
        inside = window.intersection(VoxelBox.whole(self._size))
        part = mask[inside.slices]
        found = self._found(window, question.clicks, question.target)
        own = [click.relative_to(inside.start) for click in question.clicks if inside.holds(click.index)]
        after = np.where(self._allowed(inside, question.limit), found, part)
        part[...] = published_change(part, after, own)
        return ""

    def _answer_in(self, window: VoxelBox, question: ClickQuestion, mask: Mask) -> str:
        """Change the mask where the new click asks for it, in its window; returns a note."""
        inside = window.intersection(VoxelBox.whole(self._size))
        part = mask[inside.slices]
        allowed = self._allowed(inside, question.limit)
        found = self._found(window, (*question.clicks, *self._anchor(part, inside, question.clicks)), question.target)
        click = question.clicks[-1].relative_to(inside.start)
        speaks_of_mask = question.given or not click.positive
        doubtful = speaks_of_mask and not recognises(found, part)
        if doubtful:
            allowed &= near_click(part, click)
        after = touched_change(part, np.where(allowed, found, part), [click])
        changed = not np.array_equal(after, part)
        part[...] = after
        return DOUBTFUL if doubtful and changed else ""

    @staticmethod
    def _anchor(part: Mask, inside: VoxelBox, clicks: Sequence[VoxelClick]) -> tuple[VoxelClick, ...]:
        """The deepest voxel of the mask as a positive click, where all clicks in a window say what it is not.

        Negative clicks alone do not tell the network which structure is meant.
        """
        own = [click for click in clicks if inside.holds(click.index)]
        if any(click.positive for click in own) or not part.any():
            return ()
        rest = part.copy()
        for click in own:
            rest[click.relative_to(inside.start).index] = False
        if not rest.any():
            return ()
        place = as_index(p + a for p, a in zip(deepest_voxel(rest), inside.start, strict=True))
        return (VoxelClick(place, positive=True),)

    def _follow(self, window: VoxelBox, question: ClickQuestion, before: Mask, mask: Mask, progress: Progress) -> str:
        """Go on in further windows where what was added runs against the border of one; returns a note."""
        windows = [window]
        while (end := widest_end(mask & ~before, windows, self._size)) is not None:
            if len(windows) == MOST_WINDOWS:
                return STOPPED
            progress("windows", len(windows), len(windows) + 1)
            windows.append(self._window_behind(end))
            click = VoxelClick(end.place, positive=True)
            with_second_try(partial(self._grow_in, windows[-1], click, question, mask), self._encoded.forget)
        return ""

    def _window_behind(self, end: End) -> VoxelBox:
        """The window that an end lies a quarter deep in: further on than around it, and still well inside."""
        x, y, z = (side // 4 for side in self.window)
        return centred_window(end.ahead((x, y, z)), self.window, self._size)

    def _grow_in(self, window: VoxelBox, end: VoxelClick, question: ClickQuestion, mask: Mask) -> None:
        """Add what is connected to the end of the structure, which serves as a click of its own."""
        inside = window.intersection(VoxelBox.whole(self._size))
        found = self._found(window, (*question.clicks, end), question.target)
        found &= self._allowed(inside, question.limit)
        mask[inside.slices] |= components_at(found, [end.relative_to(inside.start).index])

    def _found(self, window: VoxelBox, clicks: Sequence[VoxelClick], target: ClickTarget) -> Mask:
        """What the network sees in the part of a window that lies in the image."""
        inside = window.intersection(VoxelBox.whole(self._size))
        own = [click.relative_to(window.start) for click in clicks if window.holds(click.index)]
        reduced = self._encoded.reduced(window)
        with torch.inference_mode():
            answer = logits(self._network.point_head, reduced, window.shape, own, target)
        require_numbers(answer)
        found: Mask = (answer[inside.relative_to(window.start).slices] > 0).cpu().numpy()
        return found

    @staticmethod
    def _allowed(inside: VoxelBox, limit: VoxelBox | None) -> Mask:
        """Where voxels may change, in a box of the image."""
        allowed = np.full(inside.shape, limit is None)
        if limit is not None:
            allowed[limit.intersection(inside).relative_to(inside.start).slices] = True
        return allowed
