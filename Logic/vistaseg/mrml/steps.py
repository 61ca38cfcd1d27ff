"""Steps in the segments of a node that can be undone: each knows what it changed itself, and brings only that back.

The Segment Editor's history keeps whole segmentations, and so takes back whatever anybody has done since.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from vistaseg.errors import InputError
from vistaseg.mrml.contents import SegmentContent, content_of
from vistaseg.mrml.converting import require_labelmaps
from vistaseg.mrml.geometry import lattice_of_image
from vistaseg.mrml.modifying import one_modification
from vistaseg.mrml.removing import part_segments
from vistaseg.mrml.seals import seal_of
from vistaseg.mrml.snapshots import layers_of
from vistaseg.mrml.step_parts import Added, Before, Edit, Replaced, StepPart, UndoPlace, Write, before_edit, edit_of
from vistaseg.mrml.volumes import is_in_scene

_BYTES = 2**30
_FEWEST = 3


class Steps:
    """The steps of one writer in one segmentation.

    Args:
        write: changes a segment, whatever the rules.
    """

    def __init__(self, segmentation_node: Any, volume_node: Any, write: Write) -> None:
        self._place = UndoPlace(segmentation_node, volume_node, write)
        self._done: list[list[StepPart]] = []
        self._undone: list[list[StepPart]] = []
        self._edited: dict[str, Before] | None = None

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether there is a step to do again."""
        return bool(self._undone)

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Make one step of what happens meanwhile: segments that come or get other label maps, tags, and `edits`."""
        before = self._contents()
        self._edited = {}
        try:
            yield
        finally:
            edited, self._edited = self._edited, None
            self._keep(list(self._parts(before, edited)))

    def edits(self, segment_ids: Collection[str], labelmap: Any) -> None:
        """Segments are about to change within a label map; nothing where no step is recorded."""
        if self._edited is None:
            return
        for segment_id in segment_ids:
            segment = self._place.segment(segment_id)
            known = self._edited.get(segment_id)
            self._edited[segment_id] = before_edit(segment, lattice_of_image(labelmap), known)

    def undo(self) -> str:
        """Take the last step back; returns a sentence on what was changed since by others, or nothing.

        Raises:
            InputError: it cannot be taken back any more, and is forgotten; or not before what others have done since.
        """
        return self._go(self._done, self._undone)

    def redo(self) -> str:
        """Do the step again that was taken back last; as `undo`."""
        return self._go(self._undone, self._done)

    def _go(self, source: list[list[StepPart]], target: list[list[StepPart]]) -> str:
        place = self._place
        require_labelmaps(place.node)
        while source:
            parts = source.pop()
            going = [part for part in parts if not part.is_over(place)]
            if not going:
                _append(target, _turned(place, parts))
                continue
            obstacle = next(filter(None, (part.obstacle(place) for part in going)), "")
            if obstacle:
                raise InputError(obstacle)
            changed = next(filter(None, (part.change_since(place) for part in going if isinstance(part, Edit))), "")
            if changed:
                source.append(parts)
                raise InputError(changed)
            return self._swap(going, target)
        return "Nothing was changed: other means had undone or redone this already."

    def _swap(self, parts: list[StepPart], target: list[list[StepPart]]) -> str:
        place = self._place
        touched = _touched(place, parts)
        going = [part for part in parts if part.segment_id not in touched]
        names = [place.segment(segment_id).GetName() for segment_id in touched]
        with one_modification(place.node):
            part_segments(place.node, [part.segment_id for part in going if not isinstance(part, Edit)])
            names += [place.segment(part.segment_id).GetName() for part in going if not part.swap(place)]
        # The other way round, what a segment stood before is there when it comes again.
        _append(target, going[::-1])
        if not names and all(isinstance(part, Edit) and not part.changes_voxels for part in going):
            return "No voxel was changed: the prompt of this step had changed none."
        return _note(names)

    def _contents(self) -> dict[str, SegmentContent]:
        segmentation = self._place.segmentation
        return {each: content_of(segmentation.GetSegment(each)) for each in segmentation.GetSegmentIDs()}

    def _parts(self, before: Mapping[str, SegmentContent], edited: Mapping[str, Before]) -> Iterator[StepPart]:
        for segment_id, now in self._contents().items():
            was, piece = before.get(segment_id), edited.get(segment_id)
            if was is None:
                yield Added(segment_id, now)
            elif piece is not None or (now.image is was.image and now.tags != was.tags):
                edit = edit_of(self._place.segment(segment_id), segment_id, piece, (was.tags, now.tags))
                if edit is not None:
                    yield edit
            elif now.image is not was.image:
                yield Replaced(segment_id, was, now)

    def _keep(self, parts: list[StepPart]) -> None:
        if not parts:
            return
        self._done.append(parts)
        self._undone.clear()
        while len(self._done) > _FEWEST and _size(self._done) > _BYTES:
            del self._done[0]


def _append(steps: list[list[StepPart]], parts: list[StepPart]) -> None:
    if parts:
        steps.append(parts)


def _turned(place: UndoPlace, parts: list[StepPart]) -> list[StepPart]:
    """A step that others have done as one that goes the other way: what it changed in segments that are there."""
    edits = [part for part in parts if isinstance(part, Edit) and place.segment(part.segment_id) is not None]
    for edit in edits:
        edit.turn()
    return list(edits)


def _touched(place: UndoPlace, parts: Sequence[StepPart]) -> list[str]:
    """Segments that are to go or to change as a whole, and that somebody has changed since the step."""
    contents = {
        part.segment_id: part.here for part in parts if isinstance(part, Replaced | Added) and part.here is not None
    }
    doubtful = [each for each, here in contents.items() if not _same(content_of(place.segment(each)), here)]
    if not doubtful or not is_in_scene(place.volume):
        return doubtful
    # Written, perhaps for another segment of the same label map: the seal tells.
    seals = {each: seal_of(place.segment(each)) for each in doubtful}
    holds = {
        segment_id: (one := seals[segment_id]) is not None and one.holds(mask)
        for layer in layers_of(place.node, place.volume, doubtful)
        for segment_id, mask in layer.masks()
    }
    return [each for each in doubtful if not holds.get(each, False)]


def _same(now: SegmentContent, before: SegmentContent) -> bool:
    return (now.image, now.value, now.time) == (before.image, before.value, before.time)


def _size(steps: Sequence[Sequence[StepPart]]) -> int:
    """Bytes of all that is kept; what several steps share counts once."""
    parts = [part for step in steps for part in step]
    images = {image.GetAddressAsString(""): image for part in parts for image in part.images() if image is not None}
    kept = sum(int(image.GetActualMemorySize()) * 1024 for image in images.values())
    return kept + sum(part.memory_bytes for part in parts)


def _note(names: Sequence[str]) -> str:
    """On segments that others have changed since the step."""
    if not names:
        return ""
    return (
        f"{', '.join(names)}: changed by other means since. Only what this step itself had changed was undone or "
        "redone, and what came after it stays."
    )
