"""What a step did to one segment, and how it is taken back: voxels, a whole label map, or the segment itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import slicer
import vtk

from vistaseg.geometry.box import EMPTY_BOX, VoxelBox, as_index
from vistaseg.masks.boxed import Mask
from vistaseg.mrml.contents import SegmentContent, content_of, put_content, tell_changed
from vistaseg.mrml.cropping import box_of_value
from vistaseg.mrml.geometry import (
    BINARY_LABELMAP,
    Lattice,
    array_of,
    has_voxels,
    lattice_of_image,
    shift,
)
from vistaseg.mrml.resampling import covered_box, values_on
from vistaseg.mrml.tags import own_tags, set_own_tags

_INNER = (slice(1, -1),) * 3
_SURROUNDED = 0.5
"""Part of what lies beside a step's voxels from which on the segment has grown as a whole, and not by a stroke."""

Write = Callable[[str, Any, bool], None]
"""Changes a segment whatever the rules: (its id, vtkOrientedImageData of 0 and 1, whether that is removed)."""


class StepPart(Protocol):
    """What a step did to one segment; `swap` takes it back, and after that does it again."""

    segment_id: str

    def obstacle(self, place: UndoPlace) -> str:
        """Why `swap` is impossible, a sentence with the way out; nothing where it is possible."""

    def is_over(self, place: UndoPlace) -> bool:
        """Whether somebody else has done already what `swap` would do, or the segment is gone."""

    def swap(self, place: UndoPlace) -> bool:
        """Do it; returns whether the segment is now what it was."""

    def images(self) -> Iterator[Any]:
        """Label maps that are kept for `swap`."""

    @property
    def memory_bytes(self) -> int:
        """Memory that it takes beside `images`."""


@dataclass(frozen=True, eq=False)
class UndoPlace:
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
        """The vtkSegmentation of the node."""
        return self.node.GetSegmentation()

    def segment(self, segment_id: str) -> Any:
        """None where it is gone."""
        return self.segmentation.GetSegment(segment_id)


@dataclass(eq=False)
class Edit:
    """Voxels that a segment gained and lost, on its own label map's voxels, and the tags before and after.

    Attributes:
        gained, lost: bits of the mask (k, j, i) of `box`, as `numpy.packbits` gives them.
        held: how many voxels that share a face with what was gained belonged to the segment as well, after the step and
            after the same step the other way round; nothing is noted of the latter.
        masks: `_fingerprint` of the segment before and after.
    """

    segment_id: str
    lattice: Lattice
    box: VoxelBox
    gained: bytes
    lost: bytes
    held: tuple[int, int]
    masks: tuple[int, int]
    tags: tuple[Mapping[str, str], Mapping[str, str]]

    @property
    def memory_bytes(self) -> int:
        """See `StepPart`."""
        return len(self.gained) + len(self.lost)

    def images(self) -> Iterator[Any]:
        """See `StepPart`."""
        return iter(())

    def obstacle(self, place: UndoPlace) -> str:
        """See `StepPart`."""
        segment = place.segment(self.segment_id)
        image = None if segment is None else segment.GetRepresentation(BINARY_LABELMAP)
        if not self.changes_voxels or not has_voxels(image):
            return ""
        if shift(self.lattice, lattice_of_image(image)) is not None:
            return ""
        return (
            f"This step cannot be undone or redone: the voxels of {segment.GetName()} lie elsewhere since, by a "
            "transform that was hardened or another geometry. Use undo in the Segment Editor, or correct the segment."
        )

    @property
    def changes_voxels(self) -> bool:
        """Whether it changed any."""
        return bool(self.gained or self.lost)

    def change_since(self, place: UndoPlace) -> str:
        """Why `swap` would leave a hole or a rest: others changed the segment as a whole since; nothing where not."""
        segment = place.segment(self.segment_id)
        if not self.gained or _fingerprint(segment) == self.masks[1]:
            return ""
        now, gained = _part_of(segment, self.lattice, _grown(self.box)), _unpacked(self.gained, self.box)
        beside = _beside(gained)
        free = int(beside.sum()) - self.held[0]
        is_surrounded = int((beside & now).sum()) - self.held[0] > _SURROUNDED * free
        if now[_INNER][gained].all() and not is_surrounded:
            return ""
        return (
            f"This step cannot be undone or redone now: {segment.GetName()} was changed by other means since, where "
            "the step had changed it, and a hole or a rest would stay. Take that back first, with undo in the Segment "
            "Editor."
        )

    def is_over(self, place: UndoPlace) -> bool:
        """See `StepPart`."""
        segment = place.segment(self.segment_id)
        if segment is None:
            return True
        return own_tags(segment) == self.tags[0] and _fingerprint(segment) == self.masks[0]

    def swap(self, place: UndoPlace) -> bool:
        """See `StepPart`."""
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
        self.gained, self.lost, self.held = self.lost, self.gained, self.held[::-1]
        self.masks, self.tags = self.masks[::-1], self.tags[::-1]

    def _labelmap(self, bits: bytes) -> Any:
        image = self.lattice.image(self.box)
        image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
        array = array_of(image)
        array[...] = _unpacked(bits, self.box)
        return image


@dataclass(eq=False)
class Replaced:
    """A segment that was given another label map as a whole.

    Attributes:
        there: what `swap` gives it.
        here: what it has until then.
    """

    segment_id: str
    there: SegmentContent
    here: SegmentContent

    memory_bytes = 0

    def images(self) -> Iterator[Any]:
        """See `StepPart`."""
        yield self.there.image

    def obstacle(self, place: UndoPlace) -> str:
        """See `StepPart`."""
        return ""

    def is_over(self, place: UndoPlace) -> bool:
        """See `StepPart`."""
        segment = place.segment(self.segment_id)
        return segment is None or content_of(segment).image is self.there.image

    def swap(self, place: UndoPlace) -> bool:
        """See `StepPart`."""
        segment = place.segment(self.segment_id)
        now = content_of(segment)
        put_content(segment, self.there)
        tell_changed(place.node, self.segment_id)
        self.there, self.here = now, content_of(segment)
        return True


@dataclass(eq=False)
class Added:
    """A segment that was not there before.

    Attributes:
        here: what it holds; None while it is undone.
        kept: the vtkSegment while it is undone.
        follower: id of the segment that stood behind it then.
    """

    segment_id: str
    here: SegmentContent | None
    kept: Any = None
    follower: str = ""

    memory_bytes = 0

    def images(self) -> Iterator[Any]:
        """See `StepPart`."""
        if self.kept is not None:
            yield self.kept.GetRepresentation(BINARY_LABELMAP)

    def obstacle(self, place: UndoPlace) -> str:
        """See `StepPart`."""
        return ""

    def is_over(self, place: UndoPlace) -> bool:
        """See `StepPart`."""
        return (place.segment(self.segment_id) is None) == (self.here is not None)

    def swap(self, place: UndoPlace) -> bool:
        """See `StepPart`."""
        segment = place.segment(self.segment_id)
        if self.here is None:
            place.segmentation.AddSegment(self.kept, self.segment_id, self._place(place))
            self.here, self.kept = content_of(self.kept), None
        else:
            self.kept, self.follower, self.here = _copied(segment), _follower(place, self.segment_id), None
            segment.RemoveRepresentation(BINARY_LABELMAP)  # or `vtkSegmentation` takes it out of what it shares
            place.segmentation.RemoveSegment(self.segment_id)
        return True

    def _place(self, place: UndoPlace) -> str:
        return self.follower if place.segment(self.follower) is not None else ""


@dataclass(frozen=True, eq=False)
class Before:
    """A part of a segment before it is changed: a mask (k, j, i) of a box of a lattice."""

    lattice: Lattice
    box: VoxelBox
    mask: Mask
    fingerprint: int


def before_edit(segment: Any, written: Lattice, known: Before | None) -> Before:
    """What a segment has where a label map is about to be written; together with what was known before."""
    image = segment.GetRepresentation(BINARY_LABELMAP)
    own = lattice_of_image(image) if has_voxels(image) else written
    lattice = own if known is None else known.lattice
    offset = shift(written, lattice)
    # Voxels of other places: all of the segment may change.
    other = lattice.box.union(covered_box(written, lattice, vtk.vtkGeneralTransform()))
    box = other if offset is None else written.box.shifted(offset)
    box = box if known is None else box.union(known.box)
    mask = _part_of(segment, lattice, box)
    if known is not None:
        mask[known.box.relative_to(box.start).slices_kji] = known.mask
        return Before(lattice, box, mask, known.fingerprint)
    return Before(lattice, box, mask, _fingerprint(segment))


def edit_of(
    segment: Any, segment_id: str, piece: Before | None, tags: tuple[Mapping[str, str], Mapping[str, str]]
) -> Edit | None:
    """What has become of a segment since; None where that is nothing."""
    after = _fingerprint(segment)
    if piece is None:
        image = segment.GetRepresentation(BINARY_LABELMAP)
        lattice = lattice_of_image(image) if image is not None else Lattice(np.eye(4), EMPTY_BOX)
        return Edit(segment_id, lattice, EMPTY_BOX, b"", b"", (0, 0), (after, after), tags)
    if after == piece.fingerprint and tags[0] == tags[1]:
        return None
    around = _part_of(segment, piece.lattice, _grown(piece.box))
    now = around[_INNER]
    gained = now & ~piece.mask
    held = int((_beside(gained) & around).sum()), 0
    masks = piece.fingerprint, after
    return Edit(segment_id, piece.lattice, piece.box, _packed(gained), _packed(piece.mask & ~now), held, masks, tags)


def _packed(mask: Mask) -> bytes:
    return np.packbits(mask).tobytes() if mask.any() else b""


def _unpacked(bits: bytes, box: VoxelBox) -> Mask:
    """What `_packed` packed of a box, bool (k, j, i); all false of nothing."""
    if not bits:
        return np.zeros(box.shape_kji, bool)
    found = np.unpackbits(np.frombuffer(bits, dtype=np.uint8), count=box.size)
    return found.astype(bool).reshape(box.shape_kji)


def _grown(box: VoxelBox) -> VoxelBox:
    """Larger by one voxel on each side."""
    return VoxelBox(as_index(a - 1 for a in box.start), as_index(b + 1 for b in box.stop))


def _beside(mask: Mask) -> Mask:
    """Voxels that share a face with one of a mask, without it: bool (k, j, i), larger by one on each side."""
    padded = np.pad(mask, 1)
    grown = padded.copy()
    for axis in range(3):
        for step in (-1, 1):
            grown |= np.roll(padded, step, axis)
    return grown & ~padded


def _part_of(segment: Any, lattice: Lattice, box: VoxelBox) -> Mask:
    """A segment in a box of a lattice, bool (k, j, i)."""
    image = segment.GetRepresentation(BINARY_LABELMAP)
    if not has_voxels(image):
        return np.zeros(box.shape_kji, bool)
    return np.asarray(values_on(image, lattice, box) == segment.GetLabelValue())


def _fingerprint(segment: Any) -> int:
    """A number that tells the mask of a segment from others on the same voxels."""
    image = segment.GetRepresentation(BINARY_LABELMAP)
    if not has_voxels(image):
        return 0
    labels, value = array_of(image), segment.GetLabelValue()
    box = box_of_value(labels, value)
    if box.empty:
        return 0
    start = [first + at for first, at in zip(image.GetExtent()[::2], box.start, strict=True)]
    mask = labels[box.slices_kji] == value
    return hash((*start, *mask.shape, np.packbits(mask).tobytes()))


def _copied(segment: Any) -> Any:
    """A vtkSegment that holds the same label map, not a copy of it."""
    copy = slicer.vtkSegment()
    copy.DeepCopyMetadata(segment)
    put_content(copy, content_of(segment))
    return copy


def _follower(place: UndoPlace, segment_id: str) -> str:
    ids = list(place.segmentation.GetSegmentIDs())
    return str(next(iter(ids[ids.index(segment_id) + 1 :]), ""))
