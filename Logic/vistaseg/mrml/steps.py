"""Steps in the segments of a node that can be undone: each knows what it changed itself, and brings only that back.

The Segment Editor's history keeps whole segmentations, and so takes back whatever anybody has done since.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import slicer
import vtk

from vistaseg.errors import InputError
from vistaseg.mrml.contents import Content, content_of, put_content, tell_changed
from vistaseg.mrml.converting import require_labelmaps
from vistaseg.mrml.cropping import NO_BOX, box_of_value
from vistaseg.mrml.geometry import (
    BINARY_LABELMAP,
    Bounds,
    Lattice,
    array_of,
    is_empty,
    lattice_of_image,
    shift,
)
from vistaseg.mrml.modifying import one_modification
from vistaseg.mrml.removing import part_segments
from vistaseg.mrml.resampling import covered_bounds, moved, slices_of, united_bounds, values_on
from vistaseg.mrml.snapshots import snapshot_of
from vistaseg.mrml.tags import own_tags, set_own_tags
from vistaseg.mrml.volumes import is_in_scene
from vistaseg.segmentation.model import Mask

_BYTES = 2**30
_NO_BOUNDS: Bounds = (0, -1, 0, -1, 0, -1)
_FEWEST = 3

Write = Callable[[str, Any, bool], None]
"""Changes a segment whatever the rules: (its id, vtkOrientedImageData of 0 and 1, whether that is removed)."""


class _Part(Protocol):
    """What a step did to one segment; `swap` takes it back, and after that does it again."""

    segment_id: str

    def obstacle(self, place: _Place) -> str:
        """Why `swap` is impossible, a sentence with the way out; nothing where it is possible."""

    def is_over(self, place: _Place) -> bool:
        """Whether somebody else has done already what `swap` would do, or the segment is gone."""

    def swap(self, place: _Place) -> bool:
        """Do it; returns whether the segment is now what it was."""

    def images(self) -> Iterator[Any]:
        """Label maps that are kept for `swap`."""

    @property
    def bytes(self) -> int:
        """Memory that it takes beside `images`."""


@dataclass(frozen=True, eq=False)
class _Place:
    """Where steps are undone.

    Attributes:
        node: the segmentation.
        volume: whose grid seals refer to.
    """

    node: Any
    volume: Any
    write: Write

    @property
    def segmentation(self) -> Any:
        return self.node.GetSegmentation()

    def segment(self, segment_id: str) -> Any:
        """None where it is gone."""
        return self.segmentation.GetSegment(segment_id)


@dataclass(eq=False)
class _Edit:
    """Voxels that a segment gained and lost, on its own label map's voxels, and the tags before and after.

    Attributes:
        gained, lost: bits of the mask (k, j, i) of `bounds`, as `numpy.packbits` gives them.
        masks: `_fingerprint` of the segment before and after.
    """

    segment_id: str
    lattice: Lattice
    bounds: Bounds
    gained: bytes
    lost: bytes
    masks: tuple[int, int]
    tags: tuple[Mapping[str, str], Mapping[str, str]]

    @property
    def bytes(self) -> int:
        return len(self.gained) + len(self.lost)

    def images(self) -> Iterator[Any]:
        return iter(())

    def obstacle(self, place: _Place) -> str:
        segment = place.segment(self.segment_id)
        image = None if segment is None else segment.GetRepresentation(BINARY_LABELMAP)
        if not self.bytes or image is None or is_empty(image.GetExtent()):
            return ""
        if shift(self.lattice, lattice_of_image(image)) is not None:
            return ""
        return (
            f"This step cannot be undone or redone: the voxels of {segment.GetName()} lie elsewhere since, by a "
            "transform that was hardened or another geometry. Use undo in the Segment Editor, or correct the segment."
        )

    def is_over(self, place: _Place) -> bool:
        segment = place.segment(self.segment_id)
        if segment is None:
            return True
        return own_tags(segment) == self.tags[0] and _fingerprint(segment) == self.masks[0]

    def swap(self, place: _Place) -> bool:
        segment = place.segment(self.segment_id)
        for bits, removing in ((self.gained, True), (self.lost, False)):
            if bits:
                place.write(self.segment_id, self._labelmap(bits), removing)
        if own_tags(segment) == self.tags[1]:
            set_own_tags(segment, self.tags[0])
        exact = _fingerprint(segment) == self.masks[0]
        self.turn()
        return exact

    def turn(self) -> None:
        """It was done."""
        self.gained, self.lost, self.masks, self.tags = self.lost, self.gained, self.masks[::-1], self.tags[::-1]

    def _labelmap(self, bits: bytes) -> Any:
        image = self.lattice.image(self.bounds)
        image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
        array = array_of(image)
        unpacked = np.unpackbits(np.frombuffer(bits, dtype=np.uint8), count=array.size)
        array[...] = unpacked.reshape(array.shape)
        return image


@dataclass(eq=False)
class _Replaced:
    """A segment that was given another label map as a whole.

    Attributes:
        there: what `swap` gives it.
        here: what it has until then.
    """

    segment_id: str
    there: Content
    here: Content

    bytes = 0

    def images(self) -> Iterator[Any]:
        yield self.there.image

    def obstacle(self, place: _Place) -> str:
        return ""

    def is_over(self, place: _Place) -> bool:
        segment = place.segment(self.segment_id)
        return segment is None or content_of(segment).image is self.there.image

    def swap(self, place: _Place) -> bool:
        segment = place.segment(self.segment_id)
        now = content_of(segment)
        put_content(segment, self.there)
        tell_changed(place.node, self.segment_id)
        self.there, self.here = now, content_of(segment)
        return True


@dataclass(eq=False)
class _Added:
    """A segment that was not there before.

    Attributes:
        here: what it holds; None while it is undone.
        kept: the vtkSegment while it is undone.
        follower: id of the segment that stood behind it then.
    """

    segment_id: str
    here: Content | None
    kept: Any = None
    follower: str = ""

    bytes = 0

    def images(self) -> Iterator[Any]:
        if self.kept is not None:
            yield self.kept.GetRepresentation(BINARY_LABELMAP)

    def obstacle(self, place: _Place) -> str:
        return ""

    def is_over(self, place: _Place) -> bool:
        return (place.segment(self.segment_id) is None) == (self.here is not None)

    def swap(self, place: _Place) -> bool:
        segment = place.segment(self.segment_id)
        if self.here is None:
            place.segmentation.AddSegment(self.kept, self.segment_id, self._place(place))
            self.here, self.kept = content_of(self.kept), None
        else:
            self.kept, self.follower, self.here = _copied(segment), _follower(place, self.segment_id), None
            segment.RemoveRepresentation(BINARY_LABELMAP)  # or `vtkSegmentation` takes it out of what it shares
            place.segmentation.RemoveSegment(self.segment_id)
        return True

    def _place(self, place: _Place) -> str:
        return self.follower if place.segment(self.follower) is not None else ""


@dataclass(frozen=True, eq=False)
class _Before:
    """A part of a segment before it is changed: a mask (k, j, i) of bounds of a lattice."""

    lattice: Lattice
    bounds: Bounds
    mask: Mask
    fingerprint: int


class Steps:
    """The steps of one writer in one segmentation.

    Args:
        write: changes a segment, whatever the rules.
    """

    def __init__(self, segmentation_node: Any, volume_node: Any, write: Write) -> None:
        self._place = _Place(segmentation_node, volume_node, write)
        self._done: list[list[_Part]] = []
        self._undone: list[list[_Part]] = []
        self._edited: dict[str, _Before] | None = None

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
            self._edited[segment_id] = _before(segment, lattice_of_image(labelmap), known)

    def undo(self) -> str:
        """Take the last step back; returns a sentence on what was changed since by others, or nothing.

        Raises:
            InputError: it cannot be taken back any more, and is forgotten.
        """
        return self._go(self._done, self._undone)

    def redo(self) -> str:
        """Do the step again that was taken back last; as `undo`."""
        return self._go(self._undone, self._done)

    def _go(self, source: list[list[_Part]], target: list[list[_Part]]) -> str:
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
            return self._swap(going, target)
        return ""

    def _swap(self, parts: list[_Part], target: list[list[_Part]]) -> str:
        place = self._place
        touched = _touched(place, parts)
        going = [part for part in parts if part.segment_id not in touched]
        names = [place.segment(segment_id).GetName() for segment_id in touched]
        with one_modification(place.node):
            part_segments(place.node, [part.segment_id for part in going if not isinstance(part, _Edit)])
            names += [place.segment(part.segment_id).GetName() for part in going if not part.swap(place)]
        # The other way round, what a segment stood before is there when it comes again.
        _append(target, going[::-1])
        return _note(names)

    def _contents(self) -> dict[str, Content]:
        segmentation = self._place.segmentation
        return {each: content_of(segmentation.GetSegment(each)) for each in segmentation.GetSegmentIDs()}

    def _parts(self, before: Mapping[str, Content], edited: Mapping[str, _Before]) -> Iterator[_Part]:
        for segment_id, now in self._contents().items():
            was, piece = before.get(segment_id), edited.get(segment_id)
            if was is None:
                yield _Added(segment_id, now)
            elif piece is not None or (now.image is was.image and now.tags != was.tags):
                edit = _edit(self._place.segment(segment_id), segment_id, piece, (was.tags, now.tags))
                if edit is not None:
                    yield edit
            elif now.image is not was.image:
                yield _Replaced(segment_id, was, now)

    def _keep(self, parts: list[_Part]) -> None:
        if not parts:
            return
        self._done.append(parts)
        self._undone.clear()
        while len(self._done) > _FEWEST and _size(self._done) > _BYTES:
            del self._done[0]


def _append(steps: list[list[_Part]], parts: list[_Part]) -> None:
    if parts:
        steps.append(parts)


def _turned(place: _Place, parts: list[_Part]) -> list[_Part]:
    """A step that others have done as one that goes the other way: what it changed in segments that are there."""
    edits = [part for part in parts if isinstance(part, _Edit) and place.segment(part.segment_id) is not None]
    for edit in edits:
        edit.turn()
    return list(edits)


def _before(segment: Any, written: Lattice, known: _Before | None) -> _Before:
    """What a segment has where a label map is about to be written; together with what was known before."""
    image = segment.GetRepresentation(BINARY_LABELMAP)
    own = written if image is None or is_empty(image.GetExtent()) else lattice_of_image(image)
    lattice = own if known is None else known.lattice
    offset = shift(written, lattice)
    # Voxels of other places: all of the segment may change.
    other = united_bounds(lattice.bounds, covered_bounds(written, lattice, vtk.vtkGeneralTransform()))
    bounds = other if offset is None else moved(written.bounds, offset)
    bounds = bounds if known is None else united_bounds(bounds, known.bounds)
    mask = _part_of(segment, lattice, bounds)
    if known is not None:
        mask[slices_of(known.bounds, bounds)] = known.mask
        return _Before(lattice, bounds, mask, known.fingerprint)
    return _Before(lattice, bounds, mask, _fingerprint(segment))


def _edit(
    segment: Any, segment_id: str, piece: _Before | None, tags: tuple[Mapping[str, str], Mapping[str, str]]
) -> _Edit | None:
    """What has become of a segment since; None where that is nothing."""
    after = _fingerprint(segment)
    if piece is None:
        image = segment.GetRepresentation(BINARY_LABELMAP)
        lattice = lattice_of_image(image) if image is not None else Lattice(np.eye(4), _NO_BOUNDS)
        return _Edit(segment_id, lattice, _NO_BOUNDS, b"", b"", (after, after), tags)
    if after == piece.fingerprint and tags[0] == tags[1]:
        return None
    now = _part_of(segment, piece.lattice, piece.bounds)
    gained, lost = (_packed(mask) for mask in (now & ~piece.mask, piece.mask & ~now))
    return _Edit(segment_id, piece.lattice, piece.bounds, gained, lost, (piece.fingerprint, after), tags)


def _packed(mask: Mask) -> bytes:
    return np.packbits(mask).tobytes() if mask.any() else b""


def _part_of(segment: Any, lattice: Lattice, bounds: Bounds) -> Mask:
    """A segment within bounds of a lattice, bool (k, j, i)."""
    image = segment.GetRepresentation(BINARY_LABELMAP)
    if image is None or is_empty(image.GetExtent()):
        return np.zeros([last - first + 1 for first, last in zip(bounds[4::-2], bounds[5::-2], strict=True)], bool)
    return np.asarray(values_on(image, lattice, bounds) == segment.GetLabelValue())


def _fingerprint(segment: Any) -> int:
    """A number that tells the mask of a segment from others on the same voxels."""
    image = segment.GetRepresentation(BINARY_LABELMAP)
    if image is None or is_empty(image.GetExtent()):
        return 0
    labels, value = array_of(image), segment.GetLabelValue()
    box = box_of_value(labels, value)
    if box == NO_BOX:
        return 0
    start = [first + part.start for first, part in zip(image.GetExtent()[::2], box[::-1], strict=True)]
    mask = labels[box] == value
    return hash((*start, *mask.shape, np.packbits(mask).tobytes()))


def _touched(place: _Place, parts: Sequence[_Part]) -> list[str]:
    """Segments that are to go or to change as a whole, and that somebody has changed since the step."""
    contents = {part.segment_id: part.here for part in parts if not isinstance(part, _Edit) and part.here is not None}
    doubtful = [each for each, here in contents.items() if not _same(content_of(place.segment(each)), here)]
    if not doubtful or not is_in_scene(place.volume):
        return doubtful
    # Written, perhaps for another segment of the same label map: the seal tells.
    snapshot = snapshot_of(place.node, place.volume, doubtful)
    holds = {
        segment_id: segment_id in snapshot.seals and snapshot.seals[segment_id].holds(mask, extent)
        for layer in snapshot.layers
        for segment_id, mask, extent in layer.masks()
    }
    return [each for each in doubtful if not holds.get(each, False)]


def _same(now: Content, before: Content) -> bool:
    return (now.image, now.value, now.time) == (before.image, before.value, before.time)


def _copied(segment: Any) -> Any:
    """A vtkSegment that holds the same label map, not a copy of it."""
    copy = slicer.vtkSegment()
    copy.DeepCopyMetadata(segment)
    put_content(copy, content_of(segment))
    return copy


def _follower(place: _Place, segment_id: str) -> str:
    ids = list(place.segmentation.GetSegmentIDs())
    return str(next(iter(ids[ids.index(segment_id) + 1 :]), ""))


def _size(steps: Sequence[Sequence[_Part]]) -> int:
    """Bytes of all that is kept; what several steps share counts once."""
    parts = [part for step in steps for part in step]
    images = {image.GetAddressAsString(""): image for part in parts for image in part.images() if image is not None}
    return sum(part.bytes for part in parts) + sum(int(image.GetActualMemorySize()) * 1024 for image in images.values())


def _note(names: Sequence[str]) -> str:
    """On segments that others have changed since the step."""
    if not names:
        return ""
    return (
        f"{', '.join(names)}: changed by other means since. Only what this step itself had changed was undone or "
        "redone, and what came after it stays."
    )
