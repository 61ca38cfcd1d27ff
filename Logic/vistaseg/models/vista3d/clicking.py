"""Prompts in RAS mm before VISTA3D: clicks and boxes to its grid, its answers back to the volume's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vistaseg import catalog
from vistaseg.errors import InputError, UsageError
from vistaseg.geometry.box import Index, VoxelBox
from vistaseg.geometry.grid import Grid
from vistaseg.masks.boxed import Mask, MaskChange
from vistaseg.masks.components import components_with
from vistaseg.models.correction import VoxelClick, with_rim
from vistaseg.models.protocol import PromptAnswer, PromptQuestion
from vistaseg.models.vista3d.click_windows import is_well_inside
from vistaseg.models.vista3d.interactive import ClickAnswer, ClickQuestion, PointBranch
from vistaseg.models.vista3d.point_head import ClickTarget
from vistaseg.models.vista3d.preprocessing import NetworkImage
from vistaseg.models.vista3d.regions import region_box
from vistaseg.progress import Progress
from vistaseg.prompts import Point, Prompt, Ras, RegionOfInterest, SpatialPrompt, Text


class Clicking:
    """Answers prompts about one volume.

    VISTA3D has no boxes. A box is answered as a positive click in its middle, and only voxels inside the box change,
    also by later clicks inside it.

    Args:
        class_ids: classes that the model was trained on; others are clicked on as something new.
        exact: whether clicks lie where they were made, and not in the middles of the network's voxels.
    """

    def __init__(
        self, branch: PointBranch, image: NetworkImage, volume: Grid, class_ids: Sequence[int], exact: bool = True
    ) -> None:
        self._branch, self._image, self._volume, self._class_ids = branch, image, volume, frozenset(class_ids)
        self._exact = exact

    def answer(self, question: PromptQuestion, progress: Progress) -> PromptAnswer:
        """What the newest prompt changes.

        Raises:
            InputError: it lies outside the scan or the body.
            UsageError: the newest is a text, or the class stands for several and cannot be clicked on.
            MemoryLimitError, CancelledError: nothing was changed.
        """
        prompts = spatial_prompts(question.prompts)
        clicks = tuple(self._click(prompt) for prompt in prompts)
        region = limiting_box(prompts)
        limit = None if region is None else region_box(region, self._image)
        windows = self._windows(question, clicks[-1])
        on_grid = ClickQuestion(clicks, self._target(question), limit, windows, question.given)
        before = self._before(question, _place(prompts[-1]), clicks[-1])
        answer = self._branch.answer(on_grid, before, progress)
        return self._on_volume(answer, before, question, region)

    def hint(self, ras: Ras, progress: Progress) -> None:
        """Encode the window of a click there; nothing where there can be no click."""
        try:
            index = self.index(ras)
        except InputError:
            return
        self._branch.encode(index, progress)

    def index(self, ras: Ras) -> Index:
        """The network's voxel (x, y, z) that the volume's voxel at a place takes its label from.

        Raises:
            InputError: there is none.
        """
        voxel = self._voxel(ras)
        where = f"({', '.join(f'{value:.1f}' for value in ras)}) mm"
        if not all(0 <= p < n for p, n in zip(voxel, self._volume.shape_ijk, strict=True)):
            raise InputError(f"The click at {where} lies outside the scan. Click inside it.")
        back, place = self._image.back, [0, 0, 0]
        for axis, lookup, p in zip(back.axes, back.lookups, voxel, strict=True):
            place[axis] = int(lookup[p])
        if min(place) < 0:
            raise InputError(f"The click at {where} lies outside the body. Click inside it.")
        return place[0], place[1], place[2]

    def _voxel(self, ras: Ras) -> Index:
        """The volume's voxel (i, j, k) that holds a place, inside the volume or not."""
        i, j, k = (int(p) for p in np.floor(self._volume.ras_to_index([ras])[0] + 0.5))
        return i, j, k

    def _click(self, prompt: SpatialPrompt) -> VoxelClick:
        if isinstance(prompt, Point):
            return self._click_at(prompt.ras, prompt.positive)
        try:
            return self._click_at(_place(prompt), positive=True)
        except InputError as error:
            raise InputError(
                "The middle of the box lies outside the scan or the body. Draw the box around the structure."
            ) from error

    def _click_at(self, ras: Ras, positive: bool) -> VoxelClick:
        index = self.index(ras)
        if not self._exact:
            return VoxelClick(index, positive)
        x, y, z = (float(p) for p in self._image.grid.ras_to_index([ras])[0])
        return VoxelClick(index, positive, (x, y, z))

    def _target(self, question: PromptQuestion) -> ClickTarget:
        """The published pipelines take a click without a class for one on a known organ."""
        if question.class_id is None:
            return ClickTarget(supported=question.known_organ)
        structure = catalog.get(question.class_id)
        if structure.subclasses:
            raise UsageError(f"{structure.name} stands for several structures. Click on one of them by its own name.")
        supported = question.class_id in self._class_ids
        return ClickTarget(supported, supported and structure.special_points)

    def _before(self, question: PromptQuestion, place: Ras, click: VoxelClick) -> Mask:
        """The segment so far on the network's grid.

        A voxel there may stand for many of the volume's. The one clicked on stands for what the click is to change.
        """
        mask = np.zeros(self._image.size, dtype=bool)
        box = self._image.source.box(question.mask.box)
        mask[box.slices] = self._image.source.sample(question.mask.array, question.mask.box.start, box)
        if question.mask.holds(self._voxel(place)) != click.positive:
            mask[click.index] = not click.positive
        return mask

    def _windows(self, question: PromptQuestion, click: VoxelClick) -> tuple[VoxelBox, ...]:
        """The window to use again where one is recorded, else those of earlier answers, the latest first."""
        if question.record is None:
            own = (record for record in reversed(question.records) if "engine" not in record)
            return tuple(dict.fromkeys(_window(record) for record in own))
        window = _window(question.record)
        if window.shape != self._branch.window or not is_well_inside(click.index, window, self._image.size):
            raise _damaged()
        return (window,)

    def _on_volume(
        self, answer: ClickAnswer, before: Mask, question: PromptQuestion, region: RegionOfInterest | None
    ) -> PromptAnswer:
        added = answer.mask & ~before
        removed = with_rim(before & ~answer.mask, before)
        back = self._image.back
        box = back.box_of_mask(added | removed)
        added, removed = (back.gather(mask, *box.slices_kji) for mask in (added, removed))
        if removed.any():
            core = back.gather(before & ~answer.mask, *box.slices_kji)
            removed = components_with(question.mask.within(box) & removed, core)
        if region is not None and not box.empty:
            part = self._volume.cropped(box)
            for mask in (added, removed):
                region.blank_outside(mask, part)
        record = {"window": list(answer.window.start), "size": list(answer.window.shape)}
        return PromptAnswer(MaskChange.in_box(added, removed, box), record, answer.note)


def _place(prompt: SpatialPrompt) -> Ras:
    """Where a prompt is as a click: of a box, its middle."""
    if isinstance(prompt, Point):
        return prompt.ras
    r, a, s = ((low + high) / 2 for low, high in zip(prompt.low, prompt.high, strict=True))
    return r, a, s


def spatial_prompts(prompts: Sequence[Prompt]) -> tuple[SpatialPrompt, ...]:
    """The prompts without the texts, which other models have answered.

    Raises:
        UsageError: the newest is a text.
    """
    if isinstance(prompts[-1], Text):
        raise UsageError(f'VISTA3D does not read "{prompts[-1].text}". Click on the structure, or ask SegVol.')
    return tuple(prompt for prompt in prompts if not isinstance(prompt, Text))


def limiting_box(prompts: Sequence[SpatialPrompt]) -> RegionOfInterest | None:
    """The latest box that holds the newest prompt."""
    newest = prompts[-1]
    if isinstance(newest, RegionOfInterest):
        return newest
    boxes = (prompt for prompt in reversed(prompts) if isinstance(prompt, RegionOfInterest))
    return next((box for box in boxes if box.holds(newest.ras)), None)


def _window(record: Mapping[str, Any]) -> VoxelBox:
    try:
        x, y, z = (int(value) for value in record["window"])
        a, b, c = (int(value) for value in record["size"])
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged() from error
    return VoxelBox((x, y, z), (x + a, y + b, z + c))


def _damaged() -> UsageError:
    return UsageError("The saved session is damaged, or of another model. Choose another file.")
