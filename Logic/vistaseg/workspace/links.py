"""What connects a segment of the scene with one of a session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from vistaseg import catalog
from vistaseg.jobs import Job
from vistaseg.mrml.editing import Change
from vistaseg.mrml.reading import mask_time, read_mask, segment_record
from vistaseg.mrml.tags import tag_provenance
from vistaseg.segmentation import Extent
from vistaseg.segmentation.model import Mask
from vistaseg.session import Session
from vistaseg.session.history import Answer
from vistaseg.workspace.answering import Beginning, Outcome, change_between, kept_back
from vistaseg.workspace.memory import recall, remember
from vistaseg.workspace.operations import Operation
from vistaseg.workspace.targets import Target
from vistaseg.workspace.volume_session import VolumeSession
from vistaseg.workspace.writer import Writer

Done = Callable[[Outcome], None]


@dataclass(frozen=True, eq=False)
class Request:
    """Something to be done to a segment, what writes it, and who wants to hear of it.

    Attributes:
        writer: None where the answer is only proposed.
    """

    operation: Operation
    writer: Writer | None
    on_done: Done


@dataclass(eq=False)
class SegmentLink:
    """One segment and the jobs on it: at most one at a time, so that each starts from what the one before wrote.

    Attributes:
        volumes: the session of its volume.
        job: that runs or waits, if any.
        pending: what the next job is to do together.
        time: `mask_time` of the segment when the session last knew its mask; None where it never did.
        earlier, provenance: of the last outcome.
        busy: whether the worker has the segment, or the scene is half changed: nobody may take what is there for the
            user's doing then.
    """

    target: Target
    volumes: VolumeSession
    job: Job | None = None
    pending: list[Request] = field(default_factory=list)
    time: int | None = None
    earlier: dict[str, Any] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    busy: bool = False

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
        return (
            beginning is not None
            and session.follow(self.target.key, beginning.mask, beginning.extent).changed is not None
        )

    def mask(self, scene: Any) -> tuple[Mask, Extent]:
        """The segment's mask in the scene, bool (k, j, i) of the extent, on the volume's grid."""
        node = self.target.segmentation(scene)
        return read_mask(node, self.target.segment_id, self.volumes.node, self.volumes.volume.grid)

    def receive(self, scene: Any, outcome: Outcome, writer: Writer | None) -> int:
        """Take an outcome, and write it unless it is only proposed; returns how many voxels were kept back."""
        self.earlier, self.provenance = outcome.earlier, outcome.provenance
        held = 0
        if writer is not None and outcome.change is not None:
            held = self.write(scene, outcome.change, writer)
        elif writer is not None:
            self.remember(scene)  # a prompt that changes nothing is one all the same
        self.settle(scene)
        return held

    def write(self, scene: Any, change: Change, writer: Writer) -> int:
        """Bring a change into the scene, and tell the session what has become of it there.

        Returns:
            Number of voxels that the rules of the host kept back.
        """
        session = self.session
        if session is None:
            return 0
        busy, self.busy = self.busy, True
        try:
            writer.save_state()
            writer.apply(self.target.segment_id, change)
            mask, extent = self.mask(scene)
            session.amend(self.target.key, mask, extent)
            tag_provenance(self.target.segment(scene), self.provenance)
            self.remember(scene)
        finally:
            self.busy = busy
        return kept_back(change, mask, extent)

    def remember(self, scene: Any) -> None:
        """Keep the prompts with the segment."""
        if self.session is not None:
            remember(self.target.segment(scene), self.session, self.target.key)

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
