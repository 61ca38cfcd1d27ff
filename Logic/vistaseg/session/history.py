"""The mask of one segment and how it came to be, step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from vistaseg.geometry.box import VoxelBox
from vistaseg.masks.boxed import BoxedMask, MaskChange
from vistaseg.masks.packed import NOTHING_PACKED, PackedMask
from vistaseg.prompts import Prompt


@dataclass(frozen=True)
class Step:
    """One prompt, and the record from which its model repeats the answer.

    Attributes:
        mask: what the host made of the answer, where it did not let all of it through.
    """

    prompt: Prompt
    record: Mapping[str, Any]
    mask: PackedMask | None = None


@dataclass(frozen=True, eq=False)
class State:
    """A segment at one moment: the mask it started from, the prompts since, and where they led."""

    start: PackedMask
    steps: tuple[Step, ...]
    mask: PackedMask
    note: str = ""

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        """Of the steps, in order."""
        return tuple(step.prompt for step in self.steps)

    def stepped(self, step: Step, mask: PackedMask, note: str) -> State:
        """The state after one more prompt."""
        return replace(self, steps=(*self.steps, step), mask=mask, note=note)

    def amended(self, mask: PackedMask) -> State:
        """The same state where the host has made another mask of it."""
        if not self.steps:
            return replace(self, start=mask, mask=mask)
        return replace(self, steps=(*self.steps[:-1], replace(self.steps[-1], mask=mask)), mask=mask)


@dataclass(frozen=True, eq=False)
class Answer:
    """The mask of a segment after a step.

    Attributes:
        mask: on the volume's grid.
        changed: the box of the voxels that the step changed; None where it changed none.
        note: a sentence for the user, or nothing.
    """

    mask: BoxedMask
    changed: VoxelBox | None
    note: str = ""


class History:
    """The states of one segment, and which of them holds.

    Attributes:
        class_id: id in the catalogue; None for a structure without a class.
        known_organ: whether a structure without a class is of a kind that models were trained on.
    """

    def __init__(self, class_id: int | None, known_organ: bool = False) -> None:
        self.class_id, self.known_organ = class_id, known_organ
        self._states = [State(NOTHING_PACKED, (), NOTHING_PACKED)]
        self._at = 0

    @property
    def state(self) -> State:
        """The one that holds."""
        return self._states[self._at]

    def push(self, state: State) -> Answer:
        """Go to a new state; what was undone before is forgotten."""
        self._states[self._at + 1 :] = [state]
        return self._go(self._at + 1)

    def undo(self) -> Answer:
        """Go back one step; at the first, stay."""
        return self._go(max(self._at - 1, 0))

    def redo(self) -> Answer:
        """Go forward one step that was undone; at the last, stay."""
        return self._go(min(self._at + 1, len(self._states) - 1))

    def clear(self) -> Answer:
        """Take all prompts back, to the mask that they started from; can be undone."""
        start = self.state.start
        return self.push(State(start, (), start)) if self.state.steps else self.answer(None)

    def amend(self, mask: PackedMask) -> None:
        """Put another mask in the place of the one that holds; no step of its own."""
        if not mask.equals(self.state.mask):
            self._states[self._at] = self.state.amended(mask)

    def follow(self, mask: PackedMask, prompts: Sequence[Prompt] = ()) -> Answer:
        """Go to the nearest state of this mask, if possible one with these prompts; without any, start anew from it.

        A prompt that changes nothing leads to another state of the same mask.
        """
        found = [at for at, state in enumerate(self._states) if state.mask.equals(mask)]
        if not found:
            return self.push(State(mask, (), mask))
        found = [at for at in found if self._states[at].prompts == tuple(prompts)] or found
        return self._go(min(found, key=lambda at: abs(at - self._at)))

    def rebase(self, mask: PackedMask, count: int, prompts: Sequence[Prompt] = ()) -> None:
        """Put the steps after the first `count` behind the state of another mask, where the host went meanwhile."""
        late, note = self.state.steps[count:], self.state.note
        self.follow(mask, prompts)
        base = self.state
        self.push(State(base.start, (*base.steps, *late), mask, note).amended(mask))

    def answer(self, changed: VoxelBox | None) -> Answer:
        """The mask that holds."""
        return Answer(self.state.mask.unpacked(), changed, self.state.note)

    def _go(self, at: int) -> Answer:
        before, self._at = self.state.mask, at
        if before.equals(self.state.mask):
            return self.answer(None)
        return self.answer(MaskChange.between(before.unpacked(), self.state.mask.unpacked()).box)
