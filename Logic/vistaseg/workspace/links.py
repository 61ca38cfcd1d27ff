"""What connects a segment of the scene with one of a session."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from vistaseg import catalog
from vistaseg.jobs import Job
from vistaseg.mrml.editing import Change
from vistaseg.mrml.modifying import one_modification
from vistaseg.mrml.reading import mask_time, read_mask, segment_record
from vistaseg.mrml.tags import tag_provenance
from vistaseg.segmentation import Extent
from vistaseg.segmentation.model import Mask
from vistaseg.session import Session
from vistaseg.session.history import Answer
from vistaseg.workspace.answering import (
    Beginning,
    Outcome,
    change_between,
    kept_back,
    mask_after,
    start_provenance,
)
from vistaseg.workspace.memory import recall, remember
from vistaseg.workspace.operations import Request
from vistaseg.workspace.targets import Target
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
        time: `mask_time` of the segment when the session last knew its mask; None where it never did.
        begun: `mask_time` when the job began.
        earlier: of the last outcome, or of where the session has followed the segment since.
        provenance: of the last outcome.
    """

    target: Target
    volumes: VolumeSession
    busy: bool = False
    job: Job | None = None
    pending: list[Request] = field(default_factory=list)
    time: int | None = None
    begun: int | None = None
    earlier: dict[str, Any] | None = None
    provenance: dict[str, Any] = field(default_factory=dict)

    @property
    def session(self) -> Session | None:
        """The session, where it knows the segment already."""
        session = self.volumes.current
        return session if session is not None and self.target.key in session.segments else None

    def beginning(self, scene: Any) -> Beginning | None:
        """The segment as it is in the scene; None where the session knows it."""
        node, segment_id = self.target.segmentation(scene), self.target.segment_id
        now = mask_time(node, segment_id)
        if now == self.time:
            return None
        mask, extent = self.mask(scene)
        record = segment_record(node, segment_id)
        self.time = now
        memory = recall(self.target.segment(scene))
        return Beginning(mask, extent, clickable_class(record.structure_id), record.provenance, memory)

    def follow(self, scene: Any) -> bool:
        """Let the session go where undo, redo or painting has led the segment; returns whether that was elsewhere."""
        session = self.session
        if session is None or self.busy:
            return False
        beginning = self.beginning(scene)
        if beginning is None:
            return False
        answer = session.follow(self.target.key, beginning.mask, beginning.extent)
        self.earlier = start_provenance(session, self.target.key, beginning, self.earlier)
        return answer.changed is not None

    def mask(self, scene: Any) -> tuple[Mask, Extent]:
        """The segment's mask in the scene, bool (k, j, i) of the extent, on the volume's grid."""
        node = self.target.segmentation(scene)
        return read_mask(node, self.target.segment_id, self.volumes.node, self.volumes.volume.grid)

    def receive(self, scene: Any, outcome: Outcome, writer: Writer | None) -> int:
        """Take an outcome, and write it unless it is only proposed; returns how many voxels were kept back."""
        self.earlier, self.provenance = outcome.earlier, outcome.provenance
        self._catch_up(scene, outcome, writer)
        with one_modification(self.target.segmentation(scene)):
            held = 0 if outcome.change is None or writer is None else self.write(scene, outcome.change, writer)
            if writer is not None and self.session is not None:
                remember(self.target.segment(scene), self.session, self.target.key)
            self.settle(scene)
        return held

    def accept(self, scene: Any, change: Change, writer: Writer) -> int:
        """Write what was proposed; returns how many voxels were kept back."""
        return self.receive(scene, Outcome(change, provenance=self.provenance, earlier=self.earlier), writer)

    def _catch_up(self, scene: Any, outcome: Outcome, writer: Writer | None) -> None:
        """Undo, redo and painting that came while prompts were answered come before these."""
        session, key = self.session, self.target.key
        if session is None or mask_time(self.target.segmentation(scene), self.target.segment_id) == self.begun:
            return
        mask, extent = self.mask(scene)
        if outcome.count is not None:
            session.rebase(key, mask, extent, outcome.count)
        if writer is None and outcome.change is not None:
            # Nobody writes into the scene now, and so nobody else tells the session what is proposed there.
            session.amend(key, *mask_after(mask, extent, outcome.change))

    def write(self, scene: Any, change: Change, writer: Writer) -> int:
        """Bring a change into the scene, and tell the session what has become of it there.

        Returns:
            Number of voxels that the rules of the host kept back.
        """
        session, segment = self.session, self.target.segment(scene)
        if session is None:
            return 0
        busy, self.busy = self.busy, True
        try:
            writer.save_state()
            writer.apply(self.target.segment_id, change)
            mask, extent = self.mask(scene)
            session.amend(self.target.key, mask, extent)
            tag_provenance(segment, self.provenance)
        finally:
            self.busy = busy
        return kept_back(change, mask, extent)

    def proposal(self, scene: Any) -> Change | None:
        """What the session would change in the scene; None where that is nothing."""
        session = self.session
        if session is None or self.busy or self.follow(scene):
            return None
        mask, extent = self.mask(scene)
        return change_between(Answer(mask, extent, None), session.result(self.target.key))

    def settle(self, scene: Any) -> None:
        """The session knows of the scene as it is now."""
        self.time = mask_time(self.target.segmentation(scene), self.target.segment_id)


def clickable_class(class_id: int | None) -> int | None:
    """A class, if it can be clicked on."""
    return None if class_id is None or not catalog.get(class_id).direct_prompt else class_id
