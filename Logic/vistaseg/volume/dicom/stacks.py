"""Slices that belong together: of one series and modality, of one orientation and size, at one time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vistaseg.volume.dicom.copies import without_copies
from vistaseg.volume.dicom.slices import Slice, slices_of
from vistaseg.volume.dicom.times import by_time

_DIRECTION_TOLERANCE = 1e-3
_SPACING_TOLERANCE_MM = 1e-4

ORIENTATIONS = ("sagittal", "coronal", "axial")


@dataclass(frozen=True, eq=False)
class Stack:
    """Slices that may make a volume.

    Attributes:
        slices: at least one, in no order.
        part: which part of its series it is, "" for all of it.
        notes: what was left out, a sentence each.
    """

    slices: tuple[Slice, ...]
    part: str = ""
    notes: tuple[str, ...] = ()

    @property
    def first(self) -> Slice:
        """One for all that they have in common."""
        return self.slices[0]

    @property
    def uid(self) -> str:
        """SeriesInstanceUID, "" where it is blank."""
        return self.first.text("SeriesInstanceUID")

    @property
    def description(self) -> str:
        """For messages."""
        return self.first.text("SeriesDescription") or "without a description"

    @property
    def files(self) -> tuple[Path, ...]:
        """All files, each once."""
        return tuple(dict.fromkeys(piece.path for piece in self.slices))

    @property
    def may_be_scan(self) -> bool:
        """Whether it has several images that were all measured and have a place."""
        first = self.first
        measured = first.is_scan and first.is_grey and not first.is_localizer
        return measured and first.missing is None and len(self.slices) > 1

    @property
    def orientation(self) -> str:
        """ "axial", "sagittal" or "coronal", whichever is closest; "" where the header does not say."""
        vectors = self.first.orientation
        return "" if vectors is None else ORIENTATIONS[int(np.argmax(np.abs(np.cross(*vectors))))]


def is_stray(stack: Stack, stacks: Iterable[Stack]) -> bool:
    """Whether its slices lie among more slices of another modality, in the same series."""
    return any(
        other.uid == stack.uid
        and other.first.modality != stack.first.modality
        and len(other.slices) > len(stack.slices)
        and _on_one_grid(stack.first, other.first)
        for other in stacks
    )


def stacks_of(headers: Iterable[Any]) -> list[Stack]:
    """The stacks of all series, series by series, of a series the one with the most slices first."""
    return [stack for series in _by_series(headers) for stack in _stacks_of_series(series)]


def _by_series(headers: Iterable[Any]) -> list[list[Slice]]:
    """Slices by series; without a UID a folder is a series."""
    groups: dict[tuple[str, str], list[Slice]] = defaultdict(list)
    for header in headers:
        uid = str(header.get("SeriesInstanceUID", "") or "")
        groups[uid, "" if uid else str(Path(str(header.filename)).parent)] += slices_of(header)
    return list(groups.values())


def _stacks_of_series(series: Sequence[Slice]) -> list[Stack]:
    groups: list[list[Slice]] = []
    for piece in sorted(series, key=lambda piece: (piece.missing is not None, not piece.modality)):
        group = next((group for group in groups if _belong_together(group[0], piece)), None)
        if group is None:
            groups.append([piece])
        else:
            group.append(piece)
    has_several = len({piece.modality for piece in series} - {""}) > 1
    stacks = [stack for group in groups for stack in _at_one_time(group, len(groups) > 1, has_several)]
    return sorted(stacks, key=lambda stack: -len(stack.slices))


def _at_one_time(group: Sequence[Slice], is_part: bool, names_modality: bool) -> list[Stack]:
    kept, notes = without_copies(group, same_uid=True)
    moments = by_time(kept)
    stacks = []
    for label, pieces in moments:
        single, more = without_copies(pieces, same_uid=False)
        stack = Stack(tuple(single), label, (*notes, *more))
        stacks.append(Stack(stack.slices, _part(stack, is_part, names_modality), stack.notes))
    return stacks


def _part(stack: Stack, is_part: bool, names_modality: bool) -> str:
    kind = "localizer" if stack.first.is_localizer else stack.orientation or "without a position"
    if names_modality and stack.first.modality:
        kind = f"{stack.first.modality} {kind}"
    rows, columns = stack.first.size
    spacing = "" if stack.first.spacing is None else f" of {stack.first.spacing[1]:.3g} mm"
    return ", ".join(filter(None, (f"{kind} {columns} x {rows}{spacing}" if is_part else "", stack.part)))


def _belong_together(one: Slice, other: Slice) -> bool:
    return len({one.modality, other.modality} - {""}) < 2 and _on_one_grid(one, other)


def _on_one_grid(one: Slice, other: Slice) -> bool:
    """A slice without a position goes with those of its size and kind: it may be missing among them."""
    if one.size != other.size or one.is_localizer != other.is_localizer or one.is_grey != other.is_grey:
        return False
    if one.is_unplaced != other.is_unplaced and not _of_one_kind(one, other):
        return False
    if (one.frame is not None or other.frame is not None) and one.path != other.path:
        return False
    return _close(one.spacing, other.spacing, _SPACING_TOLERANCE_MM) and _close(
        one.orientation, other.orientation, _DIRECTION_TOLERANCE
    )


def _of_one_kind(one: Slice, other: Slice) -> bool:
    """Programs put screenshots, which have no place, into the series that they were taken of."""
    return one.is_screenshot == other.is_screenshot and len({one.sop_class, other.sop_class} - {""}) < 2


def _close(one: np.ndarray | None, other: np.ndarray | None, tolerance: float) -> bool:
    return one is None or other is None or float(np.abs(one - other).max()) <= tolerance
