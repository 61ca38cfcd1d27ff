"""What connects a segment of the scene with one of a session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from vistaseg import catalog
from vistaseg.jobs import Job
from vistaseg.masks.boxed import BoxedMask, MaskChange
from vistaseg.mrml.geometry import offset_between
from vistaseg.mrml.modifying import one_modification
from vistaseg.mrml.placement import (
    Placement,
    is_displaced,
    note_placement,
    placement_of,
    points_between,
    require_in_place,
)
from vistaseg.mrml.reading import mask_time, read_mask, segment_record
from vistaseg.mrml.reference import reference_lattice
from vistaseg.mrml.tags import PROMPTS_TAG, SegmentRecord, is_known_organ, read_tag, tag_provenance
from vistaseg.session import Session
from vistaseg.workspace.answering import (
    SceneSegment,
    follow,
    start_provenance,
)
from vistaseg.workspace.memory import prompts_of, recall, remember
from vistaseg.workspace.operations import SegmentRequest, SegmentResult
from vistaseg.workspace.targets import SegmentReference
from vistaseg.workspace.volume_session import VolumeSession
from vistaseg.workspace.writer import Writer


@dataclass(eq=False)
class SegmentLink:
    """One segment and the jobs on it: at most one at a time, so that each starts from what the one before wrote.

    Attributes:
        volumes: the session of its volume.
        busy: whether a job runs or waits, or the scene is half changed: what is there is not the user's doing then.
        job: the one that runs or waits.
        pending: what the next job is to do together.
        following: asks of other models what waits until nothing is pending.
        time: `_now` when the session last knew the segment; None where it never did.
        begun: `_now` when the job began.
        placed: how volume and segment lay to each other then.
        earlier: of the last outcome, or of where the session has followed the segment since.
        provenance: of the last outcome.
    """

    target: SegmentReference
    volumes: VolumeSession
    busy: bool = False
    job: Job | None = None
    pending: list[SegmentRequest] = field(default_factory=list)
    following: list[Callable[[], None]] = field(default_factory=list)
    time: int | None = None
    begun: int | None = None
    placed: Placement | None = None
    earlier: dict[str, Any] | None = None
    provenance: dict[str, Any] = field(default_factory=dict)

    @property
    def session(self) -> Session | None:
        """The session, where it knows the segment already."""
        session = self.volumes.current
        return session if session is not None and self.target.key in session.segments else None

    def forget_waiting(self) -> None:
        """Do nothing of what waits for the job."""
        self.pending.clear()
        self.following.clear()

    def changed_segment(self, scene: Any) -> SceneSegment | None:
        """The segment as it is in the scene; None where the session knows it."""
        node, segment_id = self.target.segmentation(scene), self.target.segment_id
        now = self._now(scene)
        if now == self.time:
            return None
        mask, record = self.mask(scene), segment_record(node, segment_id)
        self.time = now
        memory = recall(self.target.segment(scene))
        return SceneSegment(
            mask,
            clickable_class(record.structure_id),
            record.provenance,
            memory,
            record.name,
            is_known_organ(self.target.segment(scene)),
            _conflicts(record),
        )

    def follow(self, scene: Any) -> bool:
        """Let the session go where undo, redo or painting has led the segment; returns whether that was elsewhere."""
        session = self.session
        if session is None or self.busy or self.is_displaced(scene):
            return False
        start = self.changed_segment(scene)
        if start is None:
            return False
        answer = follow(session, self.target.key, start)
        self.earlier = start_provenance(session, self.target.key, start, self.earlier)
        return answer.changed is not None

    def mask(self, scene: Any) -> BoxedMask:
        """The segment's mask in the scene, on the volume's grid."""
        node = self.target.segmentation(scene)
        return read_mask(node, self.target.segment_id, self.volumes.node, self.volumes.volume.grid)

    def receive(self, scene: Any, outcome: SegmentResult, writer: Writer | None) -> int:
        """Take an outcome, and write it as one step unless it is only proposed; returns how many voxels were kept back.

        Raises:
            InputError: it cannot be written, or does not belong there any more; the session then goes back to where
                the segment is.
        """
        require_in_place(*self._nodes(scene), self.placed)
        if outcome.change is None and not outcome.prompted:
            self.time = self.begun
            return 0
        self.earlier, self.provenance = outcome.earlier, outcome.provenance
        busy, self.busy = self.busy, True
        try:
            if writer is None:
                self._catch_up(scene, outcome, writer)
                held = 0
            else:
                with writer.step(), one_modification(self.target.segmentation(scene)):
                    held = self._write(scene, outcome, writer)
        finally:
            self.busy = busy
        self.settle(scene)
        return held

    def _write(self, scene: Any, outcome: SegmentResult, writer: Writer) -> int:
        """Bring an outcome into the scene, and tell the session what has become of it there.

        Returns:
            Number of voxels that the rules of the host kept back.
        """
        self._catch_up(scene, outcome, writer)
        session, key, segment = self.session, self.target.key, self.target.segment(scene)
        if session is None:
            return 0
        held = 0
        if outcome.change is not None:
            writer.apply(self.target.segment_id, outcome.change)
            mask = self.mask(scene)
            session.amend(key, mask)
            held = outcome.change.missing_in(mask)
        tag_provenance(segment, self.provenance)
        remember(segment, session, key)
        note_placement(segment, placement_of(*self._nodes(scene)))
        return held

    def accept(self, scene: Any, change: MaskChange, writer: Writer) -> int:
        """Write what was proposed; returns how many voxels were kept back.

        Raises:
            InputError: it cannot be written.
        """
        return self.receive(
            scene, SegmentResult(change, provenance=self.provenance, earlier=self.earlier, prompted=True), writer
        )

    def _catch_up(self, scene: Any, outcome: SegmentResult, writer: Writer | None) -> None:
        """Undo, redo and painting that came while prompts were answered come before these."""
        session, key = self.session, self.target.key
        if session is None or self._now(scene) == self.begun:
            return
        mask = self.mask(scene)
        if outcome.count is not None:
            session.rebase(key, mask, outcome.count, prompts_of(recall(self.target.segment(scene))))
        if writer is None and outcome.change is not None:
            # Nothing is written into the scene now, so the session learns here what is proposed.
            session.amend(key, mask.apply(outcome.change))

    def proposal(self, scene: Any) -> MaskChange | None:
        """What the session would change in the scene; None where that is nothing."""
        session = self.session
        if session is None or self.busy or self.is_displaced(scene) or self.follow(scene):
            return None
        change = MaskChange.between(self.mask(scene), session.result(self.target.key).mask)
        return None if change.empty else change

    def refuse(self, scene: Any) -> None:
        """Let the session go back to where the segment is."""
        self.time = None
        self.follow(scene)

    def settle(self, scene: Any) -> None:
        """The session knows of the scene as it is now."""
        self.time = self._now(scene)

    def begin(self, scene: Any) -> None:
        """A job begins."""
        self.begun, self.time = self.time, None  # until the outcome is written
        self.placed = placement_of(*self._nodes(scene))

    def is_displaced(self, scene: Any) -> bool:
        """Whether volume and segment were moved against each other since the last result in the segment."""
        return is_displaced(*self._nodes(scene))

    def has_other_voxels(self, scene: Any) -> bool:
        """Whether the voxels of the segmentation lie otherwise than those of the volume."""
        volume_node, node, _ = self._nodes(scene)
        lattice = reference_lattice(node)
        return lattice is not None and offset_between(lattice, node, volume_node) is None

    def _now(self, scene: Any) -> int:
        """`segment_time`, another number also where the volume lies otherwise to the segmentation."""
        volume_node, node, segment_id = self._nodes(scene)
        lie = points_between(volume_node, node).round(2).tobytes()
        return hash((segment_time(node, segment_id), lie))

    def _nodes(self, scene: Any) -> tuple[Any, Any, str]:
        return self.volumes.node, self.target.segmentation(scene), self.target.segment_id


def segment_time(segmentation_node: Any, segment_id: str) -> int:
    """A number that is another whenever the mask of a segment, its prompts or its structure may have changed."""
    segment = segmentation_node.GetSegmentation().GetSegment(segment_id)
    if segment is None:
        return 0
    structure = segment_record(segmentation_node, segment_id).structure_id
    known = is_known_organ(segment)
    return hash((mask_time(segmentation_node, segment_id), read_tag(segment, PROMPTS_TAG), structure, known))


def _conflicts(record: SegmentRecord) -> tuple[str, ...]:
    """What to say where a segment has the name of one structure and the codes of another."""
    named = catalog.by_name(record.name) if record.recoded else None
    if named is None or named.id == record.structure_id:
        return ()
    meant = "no structure of the catalogue" if record.structure_id is None else catalog.get(record.structure_id).name
    return (
        f"The segment is named {record.name}, but its terminology was changed to {meant}: prompts are answered for "
        "that. Rename it, or choose its terminology again.",
    )


def clickable_class(class_id: int | None) -> int | None:
    """A class, if it can be clicked on."""
    return None if class_id is None or not catalog.get(class_id).direct_prompt else class_id
