"""A session: one volume before one model, and the results asked of it so far.

The command line, the panel and the editor effect are clients of this.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import Any

import numpy as np

from vistaseg import __version__, catalog
from vistaseg.errors import CancelledError, InputError, UsageError
from vistaseg.models.protocol import ClassMasks, PromptQuestion, SegmentationModel
from vistaseg.progress import Progress, silent
from vistaseg.prompts import Prompt, Ras, RegionOfInterest
from vistaseg.segmentation import Segment, Segmentation, crop_to_content
from vistaseg.segmentation.geometry import shifted
from vistaseg.session.history import Answer, History, PackedMask, State, Step
from vistaseg.session.results import changed_mask, made_segments
from vistaseg.session.saved import restored, saved
from vistaseg.volume import Grid, Volume


class Session:
    """Questions to a model about a volume; what was computed is kept between them.

    Args:
        volume: a CT that passed `vistaseg.volume.check_ct`.
        model: a loaded model.

    Raises:
        InputError: the model cannot use the volume.
    """

    def __init__(self, volume: Volume, model: SegmentationModel) -> None:
        self.volume = volume
        self.model = model
        self._opened = model.open(volume)
        self._histories: dict[str, History] = {}
        self._stepping = Lock()

    def windows(self, region: RegionOfInterest | None = None) -> int:
        """Windows that the next automatic segmentation has to encode; 0 when the features are at hand."""
        return self._opened.windows(region)

    def segment(
        self,
        class_ids: Sequence[int],
        region: RegionOfInterest | None = None,
        progress: Progress = silent,
        prepare_clicks: bool = False,
    ) -> Segmentation:
        """Segment classes automatically.

        Args:
            class_ids: ids of the catalogue; those that stand for several are expanded.
            region: only voxels inside are labelled.
            prepare_clicks: let the pass, which then takes longer, also encode its windows for clicks, so that the
                first click in one of them costs what the second one does.

        Returns:
            Segments in the order asked for, on the volume's grid; classes that were not found are left out.

        Raises:
            UsageError: the model does not know a class, or none was asked for.
            InputError: the region lies outside the body, or holds no voxel centre.
            MemoryLimitError, CancelledError: nothing was changed.
        """
        ids = catalog.expand(class_ids)
        if not ids:
            raise UsageError("No structure was asked for: name at least one.")
        if region is not None:
            self._require_voxels(region)
        masks = self._opened.segment_classes(ids, region, progress, prepare_clicks)
        provenance = {**self._provenance(region), **masks.details}
        found = {segment.label_value: segment for segment in self._segments(masks, provenance)}
        return Segmentation(
            self.volume.shape_ijk, self.volume.ijk_to_ras, [found[i] for i in ids if i in found], self.volume.name
        )

    @property
    def segments(self) -> tuple[str, ...]:
        """Names of the segments that are made by prompts."""
        return tuple(self._histories)

    def start(self, segment: str, class_id: int | None = None) -> None:
        """A new, empty segment.

        Args:
            class_id: id in the catalogue of what it will be; None for a structure without a class.

        Raises:
            UsageError: there is a segment of that name.
        """
        with self._stepping:
            if segment in self._histories:
                raise UsageError(f"There is a segment {segment!r} already: choose another name, or go on with it.")
            self._histories[segment] = History(class_id)

    def set_mask(self, segment: str, mask: np.ndarray) -> Answer:
        """Go on from any mask, bool (k, j, i) on the volume's grid; the segment is started where there is none.

        The prompts so far have led to another mask and are put aside; `undo` brings them back.

        Raises:
            UsageError: the mask is not on the volume's grid.
        """
        if mask.shape != self.volume.array.shape:
            raise UsageError(f"The mask has {mask.shape} voxels (k, j, i), the volume {self.volume.array.shape}.")
        packed = PackedMask.of(*crop_to_content(mask))
        with self._stepping:
            return self._histories.setdefault(segment, History(None)).push(State(packed, (), packed))

    def add(self, prompt: Prompt, segment: str, progress: Progress = silent) -> Answer:
        """Answer one more prompt on a segment.

        Raises:
            UsageError: there is no such segment, or its class cannot be clicked on.
            InputError: the prompt lies outside the scan or the body.
            MemoryLimitError, CancelledError: nothing was changed. A segment that was changed, undone or cleared
                meanwhile, from another thread, counts as cancelling.
        """
        return self._add(Step(prompt, {}), segment, progress, repeat=False)

    def undo(self, segment: str) -> Answer:
        """Take the last step on a segment back; nothing where there is none."""
        with self._stepping:
            return self._history(segment).undo()

    def redo(self, segment: str) -> Answer:
        """Do the step again that was undone last; nothing where there is none."""
        with self._stepping:
            return self._history(segment).redo()

    def clear(self, segment: str) -> Answer:
        """Take all prompts on a segment back, to the mask that they started from; can be undone."""
        with self._stepping:
            return self._history(segment).clear()

    def result(self, segment: str) -> Answer:
        """The mask of a segment as it is."""
        return self._history(segment).answer(None)

    def prompts(self, segment: str) -> tuple[Prompt, ...]:
        """The prompts that led to a segment's mask, in order."""
        return tuple(step.prompt for step in self._history(segment).state.steps)

    def hint(self, ras: Ras, progress: Progress = silent) -> None:
        """Prepare for a click near a place in RAS mm: the user is looking there."""
        self._opened.hint(ras, progress)

    def segmentation(self) -> Segmentation:
        """The segments that are made by prompts and are not empty."""
        found = made_segments(self._histories, self._provenance(None))
        return Segmentation(self.volume.shape_ijk, self.volume.ijk_to_ras, found, self.volume.name)

    def as_dict(self) -> dict[str, Any]:
        """Everything that is needed to make the same segments again, JSON-able."""
        return saved(self._histories, self.volume, self.model)

    @classmethod
    def replay(cls, volume: Volume, model: SegmentationModel, document: Any, progress: Progress = silent) -> Session:
        """A session in which the prompts of a saved one are answered again, to the same masks.

        Raises:
            UsageError: the document is not a saved session, or of another volume or other weights.
        """
        session = cls(volume, model)
        for name, class_id, start, steps in restored(document, volume, model):
            session._histories[name] = History(class_id)
            if not start.extent.empty:
                session._histories[name].push(State(start, (), start))
            for step in steps:
                session._add(step, name, progress, repeat=True)
        return session

    def _add(self, step: Step, segment: str, progress: Progress, repeat: bool) -> Answer:
        history = self._history(segment)
        state = history.state
        question = PromptQuestion(
            prompts=(*(done.prompt for done in state.steps), step.prompt),
            records=tuple(done.record for done in state.steps),
            class_id=history.class_id,
            mask=state.mask.mask,
            extent=state.mask.extent,
            record=step.record if repeat else None,
        )
        answer = self._opened.answer(question, progress)
        stepped = state.stepped(Step(step.prompt, answer.record), changed_mask(state.mask, answer), answer.note)
        progress("windows", 1, 1)  # the last chance to cancel
        with self._stepping:
            if self._histories.get(segment) is not history or history.state is not state:
                raise CancelledError(f"{segment} changed while a prompt was answered: prompt again.")
            return history.push(stepped)

    def _history(self, segment: str) -> History:
        if segment not in self._histories:
            raise UsageError(f"There is no segment {segment!r}. Start it first.")
        return self._histories[segment]

    def _require_voxels(self, region: RegionOfInterest) -> None:
        self._opened.windows(region)  # says it where the region lies outside the body
        if not _holds_voxel(region, self.volume.grid):
            raise InputError(
                "The region of interest holds no voxel centre of this scan. Choose a larger region: "
                f"voxels are {' x '.join(f'{step:.3g}' for step in self.volume.spacing)} mm."
            )

    def _segments(self, masks: ClassMasks, provenance: dict[str, Any]) -> list[Segment]:
        table = {structure.id: structure for structure in catalog.structures()}
        exclusive = Segmentation.from_label_map(
            masks.labels, self.volume.ijk_to_ras, table, self.volume.name, provenance
        ).segments
        overlapping = [self._overlapping(i, mask, provenance) for i, mask in masks.overlaps.items() if mask.any()]
        return exclusive + overlapping

    def _overlapping(self, class_id: int, mask: np.ndarray, provenance: dict[str, Any]) -> Segment:
        structure = catalog.get(class_id)
        cropped, extent = crop_to_content(mask)
        return Segment(
            structure.name,
            class_id,
            class_id,
            structure.color,
            structure.terminology,
            cropped,
            extent,
            dict(provenance),
        )

    def _provenance(self, region: RegionOfInterest | None) -> dict[str, Any]:
        where = {} if region is None else {"region_ras_mm": [_numbers(region.low), _numbers(region.high)]}
        identity = self.model.identity
        return {
            "algorithm_type": "AUTOMATIC",
            "algorithm_name": identity.title,
            "software": f"VistaSeg {__version__}",
            "model": identity.key,
            "weights_sha256": identity.weights_sha256,
            **self.model.computed_on,
            **where,
        }


def _numbers(point: Sequence[float]) -> list[float]:
    return [float(value) for value in point]


def _holds_voxel(region: RegionOfInterest, grid: Grid) -> bool:
    """Whether the centre of any voxel lies in the region; slice by slice, to take little memory."""
    index = grid.ras_to_index(region.corners())
    start = np.maximum(np.floor(index.min(axis=0)), 0).astype(int)
    stop = np.minimum(np.ceil(index.max(axis=0)) + 1, grid.shape_ijk).astype(int)
    if (stop <= start).any():
        return False
    i, j, _ = stop - start
    return any(_slice_holds_voxel(region, grid, (start[0], start[1], k), (i, j)) for k in range(start[2], stop[2]))


def _slice_holds_voxel(
    region: RegionOfInterest, grid: Grid, offset: tuple[int, int, int], size_ij: tuple[int, int]
) -> bool:
    i, j = size_ij
    inside = np.ones((1, j, i), dtype=bool)
    region.blank_outside(inside, Grid((i, j, 1), shifted(grid.ijk_to_ras, offset)))
    return bool(inside.any())
