"""A session: one volume, one model or several, and the results so far.

The command line, the panel and the editor effect are clients of this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any

import numpy as np

from vistaseg import catalog
from vistaseg.errors import CancelledError, InputError, UsageError, VistaSegError
from vistaseg.masks.boxed import BoxedMask, Mask
from vistaseg.masks.packed import PackedMask
from vistaseg.models.protocol import OpenedVolume, SegmentationModel
from vistaseg.progress import Progress, silent
from vistaseg.prompts import Prompt, Ras, RegionOfInterest, require_inside
from vistaseg.segmentation import Segment, Segmentation
from vistaseg.session.class_answers import answer_by_classes
from vistaseg.session.class_segments import class_segments
from vistaseg.session.earlier_rules import answered_again, recalled_segment, remembered_segment
from vistaseg.session.effects import effect_text
from vistaseg.session.engines import Engines
from vistaseg.session.history import Answer, History, State, Step
from vistaseg.session.identifying import Identification, identify
from vistaseg.session.provenance import provenance_of
from vistaseg.session.questions import question_of
from vistaseg.session.regions import holds_voxel
from vistaseg.session.results import made_segments
from vistaseg.session.routing import Route, route
from vistaseg.session.saved import DAMAGE, repeated, restored, saved
from vistaseg.volume import Volume


class Session:
    """Questions to models about a volume; what was computed is kept between them.

    Args:
        volume: a CT that passed `vistaseg.volume.check_ct`.
        model: a loaded model, which answers where several could.
        others: further models, of other keys: a prompt goes to the one that can answer it, see `routing`.

    Raises:
        InputError: the model cannot use the volume.
    """

    def __init__(self, volume: Volume, model: SegmentationModel, *others: SegmentationModel) -> None:
        self.volume = volume
        self.model = model
        self._engines = Engines(volume, (model, *others))
        self._histories: dict[str, History] = {}
        self._stepping = Lock()

    def windows(self, region: RegionOfInterest | None = None) -> int:
        """Windows that the next automatic segmentation has to encode; 0 when the features are at hand."""
        return self._for_classes.windows(region)

    def segment(
        self,
        class_ids: Sequence[int] | str,
        region: RegionOfInterest | None = None,
        progress: Progress = silent,
        prepare_clicks: bool = False,
    ) -> Segmentation:
        """Segment classes automatically.

        Args:
            class_ids: names, such as "liver, left kidney", or ids of the catalogue; those that stand for several are
                expanded.
            region: only voxels inside are labelled.
            prepare_clicks: let the pass, which then takes longer, also encode its windows for clicks, so that the
                first click in one of them costs what the second one does.

        Returns:
            Segments in the requested order, on the volume's grid; classes that were not found are left out.

        Raises:
            UsageError: the model does not know a class, or none was named.
            InputError: the region lies outside the body, or holds no voxel centre.
            MemoryLimitError, CancelledError: nothing was changed.
        """
        ids = catalog.ids_of(class_ids)
        if not ids:
            raise UsageError("Name at least one structure.")
        if region is not None:
            require_inside(region, self.volume.grid)
            self._require_voxels(region)
        masks = self._for_classes.segment_classes(ids, region, progress, prepare_clicks)
        provenance = {**provenance_of([self._engines.for_classes], region), **masks.details}
        found = {segment.label_value: segment for segment in class_segments(masks, self.volume, provenance)}
        return Segmentation(
            self.volume.shape_ijk, self.volume.ijk_to_ras, [found[i] for i in ids if i in found], self.volume.name
        )

    @property
    def models(self) -> tuple[SegmentationModel, ...]:
        """In order of preference."""
        return self._engines.models

    @property
    def segments(self) -> tuple[str, ...]:
        """Names of the segments that are made by prompts."""
        return tuple(self._histories)

    def start(self, segment: str, class_id: int | None = None, known_organ: bool = False) -> None:
        """A new, empty segment.

        Args:
            class_id: id in the catalogue of what it will be; None for a structure without a class.
            known_organ: whether a structure without a class is of a kind that VISTA3D was trained on, as the published
                pipelines take it; else it is something new (zero-shot).

        Raises:
            UsageError: there is a segment of that name.
        """
        self._begin(segment, History(class_id, known_organ))

    def _begin(self, segment: str, history: History) -> None:
        with self._stepping:
            if segment in self._histories:
                raise UsageError(f"There is a segment {segment!r} already: choose another name, or go on with it.")
            self._histories[segment] = history

    def set_mask(self, segment: str, mask: np.ndarray) -> Answer:
        """Go on from any mask, bool (k, j, i) on the volume's grid; the segment is started where there is none.

        The prompts so far have led to another mask and are put aside; `undo` brings them back.

        Raises:
            UsageError: the mask is not on the volume's grid.
        """
        if mask.shape != self.volume.array.shape:
            raise UsageError(f"The mask has {mask.shape} voxels (k, j, i), the volume {self.volume.array.shape}.")
        packed = PackedMask.of(BoxedMask.of(mask))
        with self._stepping:
            return self._histories.setdefault(segment, History(None)).push(State(packed, (), packed))

    def follow(self, segment: str, mask: BoxedMask, prompts: Sequence[Prompt] = ()) -> Answer:
        """Go where a host's own undo, redo or painting has led a segment.

        A mask that the segment had after one of its steps, done or undone, leads to that step; any other becomes the
        one that later prompts start from.

        Args:
            mask: on the volume's grid.
            prompts: that the host says led there; they tell which of several steps with the same mask is meant.
        """
        with self._stepping:
            return self._history(segment).follow(PackedMask.of(mask), prompts)

    def set_class(self, segment: str, class_id: int | None, known_organ: bool = False) -> None:
        """Tell what a segment is, for the prompts to come; see `start`."""
        with self._stepping:
            history = self._history(segment)
            history.class_id, history.known_organ = class_id, known_organ

    def amend(self, segment: str, mask: BoxedMask) -> None:
        """Tell what the host made of the last step, where its own rules did not let all of it through.

        Args:
            mask: on the volume's grid.
        """
        with self._stepping:
            self._history(segment).amend(PackedMask.of(mask))

    def route(self, prompt: Prompt, segment: str | None = None, model: str | None = None) -> Route:
        """Which model would answer a prompt, and why.

        Args:
            segment: the segment that it is for, or None for a new one.
            model: key of the model; None leaves the choice to the session.

        Raises:
            UsageError: no model takes it, or the text is a sentence.
        """
        steps = () if segment is None else self._history(segment).state.steps
        last = steps[-1].record["model"] if steps else None
        return route(prompt, self._engines.models, model, last)

    def add(self, prompt: Prompt, segment: str, progress: Progress = silent, model: str | None = None) -> Answer:
        """Answer one more prompt on a segment.

        Args:
            model: key of the model; None leaves the choice to the session, see `route`.

        Raises:
            UsageError: the segment does not exist, its class cannot be clicked on, or no model takes the prompt.
            InputError: the prompt lies outside the scan or the body.
            MemoryLimitError, CancelledError: nothing was changed. A segment that was changed, undone or cleared
                meanwhile, from another thread, counts as cancelling.
        """
        return self._answer(self.route(prompt, segment, model), None, segment, progress)

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
        return self._history(segment).state.prompts

    def changed(self, segment: str) -> bool:
        """Whether any of these prompts changed something."""
        return any(step.record["changed"] for step in self._history(segment).state.steps)

    def rebase(self, segment: str, mask: BoxedMask, count: int, prompts: Sequence[Prompt] = ()) -> None:
        """Take the host's undo, redo or painting into account that came while prompts were answered.

        The segment goes where the host has led it, see `follow`, and the late prompts come after that; `amend` then
        says what has become of their answers.

        Args:
            mask: on the volume's grid.
            count: how many prompts there were before those that were answered.
            prompts: see `follow`.
        """
        with self._stepping:
            self._history(segment).rebase(PackedMask.of(mask), count, prompts)

    def without(self, segment: str, index: int, progress: Progress = silent) -> Answer:
        """Answer the prompts of a segment again but for one; the answer's note tells where the rules were others.

        Args:
            index: place of the prompt in `prompts`.

        Raises:
            UsageError: the prompt does not exist.
            InputError, MemoryLimitError, CancelledError: nothing was changed.
        """
        before = self._history(segment).state
        if not 0 <= index < len(before.steps):
            raise UsageError("This prompt is not there any more.")
        with self._stepping:
            self._history(segment).clear()
        others = (*before.steps[:index], *before.steps[index + 1 :])
        try:
            for step in others:
                self._answer(repeated(step), None, segment, progress)
        except VistaSegError:
            with self._stepping:
                self._history(segment).push(before)
            raise
        return answered_again(self.result(segment), others, self._engines)

    def hint(self, ras: Ras, progress: Progress = silent) -> None:
        """Prepare for a click near a place in RAS mm: the user is looking there."""
        self._engines.opened(self.model.identity.key).hint(ras, progress)

    def identify(self, what: Prompt | Mask, progress: Progress = silent, encode: bool = False) -> list[Identification]:
        """What a click, a box or a mask may be, by each model in turn, the best name of each first.

        A model that reads names gives probabilities. One that knows classes gives the overlap (Dice) of its automatic
        masks with the mask, or with its own answer to the click or box; only those that meet it are listed.

        Args:
            what: a positive click, a box, or a mask, bool (k, j, i) on the volume's grid.
            encode: let models that know classes encode the scan for it; else they are left out unless their features
                are at hand.

        Raises:
            UsageError: it is a text or a negative click, a mask of another grid, or no model can name it.
            InputError: it lies outside the scan or the body, or there is nothing.
            MemoryLimitError, CancelledError: nothing was changed.
        """
        if not isinstance(what, np.ndarray):
            require_inside(what, self.volume.grid)
        return identify(self._engines, what, self.volume.array.shape, encode, progress)

    def segmentation(self) -> Segmentation:
        """The segments that are made by prompts and are not empty."""
        found = made_segments(self._histories, self._made_by)
        return Segmentation(self.volume.shape_ijk, self.volume.ijk_to_ras, found, self.volume.name)

    def made(self, segment: str) -> Segment | None:
        """A segment as a result, with what it was made by; None where it is empty."""
        found = made_segments({segment: self._history(segment)}, self._made_by)
        return found[0] if found else None

    def forget(self, segment: str) -> None:
        """Let go of a segment; nothing where there is none."""
        with self._stepping:
            self._histories.pop(segment, None)

    def fingerprint(self, segment: str) -> str:
        """`BoxedMask.fingerprint` of the mask of a segment."""
        return self._history(segment).state.mask.fingerprint

    def memory_of(self, segment: str) -> dict[str, Any]:
        """The prompts of a segment, the mask they started from, and the rules, JSON-able, for `resume`."""
        return remembered_segment(segment, self._history(segment), self._engines)

    def resume(self, segment: str, memory: Any, mask: BoxedMask) -> None:
        """Go on with a segment of an earlier session, whose mask is at hand; no prompt is answered again.

        Args:
            memory: of `memory_of`.
            mask: where the prompts had led, on the volume's grid.

        Raises:
            UsageError: the memory is damaged or of another grid, or there is a segment of that name.
        """
        try:
            history, start, steps = recalled_segment(memory, self.volume, self._engines)
        except DAMAGE as error:
            raise UsageError("What was saved of the segment's prompts is damaged.") from error
        self._begin(segment, history)
        with self._stepping:
            if not start.box.empty:
                self._history(segment).push(State(start, (), start))
            self._history(segment).push(State(start, steps, PackedMask.of(mask)))

    def as_dict(self) -> dict[str, Any]:
        """Everything that is needed to make the same segments again, JSON-able."""
        return saved(self._histories, self.volume, self._engines)

    @classmethod
    def replay(
        cls, volume: Volume, models: Sequence[SegmentationModel], document: Any, progress: Progress = silent
    ) -> Session:
        """A session in which the prompts of a saved one are answered again, to the same masks.

        Args:
            models: those that the saved session had, see `saved.models_of`, under its rules, see `saved.recipe_of`.

        Raises:
            UsageError: the document is not a saved session, or of another volume, other weights or other rules.
        """
        session = cls(volume, *models)
        for name, history, start, steps in restored(document, volume, session._engines):
            session._histories[name] = history
            if not start.box.empty:
                session._histories[name].push(State(start, (), start))
            for step in steps:
                session._answer(repeated(step), step.record, name, progress)
                if step.mask is not None:
                    session._histories[name].amend(step.mask)
        return session

    def _answer(self, chosen: Route, record: Mapping[str, Any] | None, segment: str, progress: Progress) -> Answer:
        require_inside(chosen.prompt, self.volume.grid)
        history = self._history(segment)
        state = history.state
        question = question_of(chosen, history, record)
        opened = self._engines.opened(chosen.model)
        if chosen.class_ids:
            answer = answer_by_classes(opened, chosen.class_ids, question, progress)
        else:
            answer = opened.answer(question, progress)
        mask = state.mask if answer.change.empty else PackedMask.of(question.mask.apply(answer.change))
        changed = not mask.equals(state.mask)
        step = Step(chosen.prompt, {"model": chosen.model, "changed": changed, **answer.record})
        effect = effect_text(question.prompts, answer.note, changed, mask.box.empty, self.volume.grid)
        stepped = state.stepped(step, mask, " ".join(filter(None, (chosen.why, effect))))
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
        self._for_classes.windows(region)  # says it where the region lies outside the body
        if not holds_voxel(region, self.volume.grid):
            raise InputError(
                "The region of interest holds no voxel centre of this scan. Choose a larger region: "
                f"voxels are {' x '.join(f'{step:.3g}' for step in self.volume.spacing)} mm."
            )

    @property
    def _for_classes(self) -> OpenedVolume:
        return self._engines.opened(self._engines.for_classes.identity.key)

    def _made_by(self, history: History) -> dict[str, Any]:
        """The provenance of a segment: of the models that changed something in it."""
        keys = dict.fromkeys(step.record["model"] for step in history.state.steps if step.record["changed"])
        return provenance_of([self._engines.model(key) for key in keys], None)
