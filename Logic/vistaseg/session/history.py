"""The mask of one segment and how it came to be, step by step."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vistaseg.geometry.box import EMPTY_BOX, VoxelBox
from vistaseg.prompts import Prompt
from vistaseg.segmentation import crop_to_content
from vistaseg.segmentation.fingerprint import packed_fingerprint
from vistaseg.segmentation.model import Mask


@dataclass(frozen=True, eq=False)
class PackedMask:
    """A mask in a small part of its space: histories hold many.

    Attributes:
        extent: its box on the volume's grid.
        bits: of the mask (k, j, i) of the extent, in C order, compressed by zlib.
    """

    extent: VoxelBox
    bits: bytes

    @classmethod
    def of(cls, mask: Mask, extent: VoxelBox) -> PackedMask:
        """Pack a mask (k, j, i) of an extent, cropped to what is set."""
        cropped, box = crop_to_content(mask, extent.start)
        return cls(box, zlib.compress(np.packbits(cropped).tobytes(), 1))

    @property
    def mask(self) -> Mask:
        """(k, j, i) bool, of the extent."""
        shape = self.extent.shape_kji
        bits = np.frombuffer(zlib.decompress(self.bits), dtype=np.uint8)
        return np.unpackbits(bits, count=int(np.prod(shape))).astype(bool).reshape(shape)

    @property
    def fingerprint(self) -> str:
        """`mask_fingerprint` of the mask."""
        return packed_fingerprint(zlib.decompress(self.bits), self.extent)

    def equals(self, other: PackedMask) -> bool:
        """Whether both have the same voxels."""
        return self.extent == other.extent and self.bits == other.bits


NOTHING = PackedMask.of(np.zeros((0, 0, 0), dtype=bool), EMPTY_BOX)


@dataclass(frozen=True)
class Step:
    """One prompt and what the model wants to be told again to give the same answer.

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
        mask: bool (k, j, i), of the extent only.
        extent: its box on the volume's grid.
        changed: the box of the voxels that the step changed; None where it changed none.
        note: a sentence for the user, or nothing.
    """

    mask: Mask
    extent: VoxelBox
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
        self._states = [State(NOTHING, (), NOTHING)]
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
        packed = self.state.mask
        return Answer(packed.mask, packed.extent, changed, self.state.note)

    def _go(self, at: int) -> Answer:
        before, self._at = self.state.mask, at
        return self.answer(changed_extent(before, self.state.mask))


def changed_extent(before: PackedMask, after: PackedMask) -> VoxelBox | None:
    """The box of the voxels in which two masks differ."""
    if before.equals(after):
        return None
    box = before.extent.union(after.extent)
    difference = np.zeros(box.shape_kji, dtype=bool)
    for packed in (before, after):
        if not packed.extent.empty:
            difference[packed.extent.relative_to(box.start).slices_kji] ^= packed.mask
    return crop_to_content(difference, box.start)[1]
