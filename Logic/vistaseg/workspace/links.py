"""What connects a segment of the scene with one of a session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from vistaseg import catalog
from vistaseg.mrml.reading import mask_time, read_mask, segment_record
from vistaseg.workspace.answering import Beginning, Operation, Outcome
from vistaseg.workspace.memory import recall
from vistaseg.workspace.targets import Target
from vistaseg.workspace.volume_session import VolumeSession
from vistaseg.workspace.writer import Writer

Done = Callable[[Outcome], None]


@dataclass(frozen=True, eq=False)
class Request:
    """Something to be done to a segment, what writes it, and who wants to hear of it."""

    operation: Operation
    writer: Writer
    on_done: Done


@dataclass(eq=False)
class SegmentLink:
    """One segment and the jobs on it: at most one at a time, so that each starts from what the one before wrote.

    Attributes:
        volumes: the session of its volume.
        busy: whether a job runs or waits, which will tell the session what it wrote.
        pending: what the next job is to do together.
        time: `mask_time` of the segment when the session last knew its mask; None where it never did.
        earlier: see `answering.Outcome`.
    """

    target: Target
    volumes: VolumeSession
    busy: bool = False
    pending: list[Request] = field(default_factory=list)
    time: int | None = None
    earlier: dict[str, Any] = field(default_factory=dict)

    def beginning(self, scene: Any) -> Beginning | None:
        """The segment as it is in the scene; None where the session knows it."""
        node, segment_id = self.target.segmentation(scene), self.target.segment_id
        now = mask_time(node, segment_id)
        if now == self.time:
            return None
        mask, extent = read_mask(node, segment_id, self.volumes.node, self.volumes.volume.grid)
        record = segment_record(node, segment_id)
        self.time = now
        memory = recall(self.target.segment(scene))
        return Beginning(mask, extent, clickable_class(record.structure_id), record.provenance, memory)

    def follow(self, scene: Any) -> bool:
        """Let the session go where undo, redo or painting has led the segment; returns whether that was elsewhere."""
        session, key = self.volumes.current, self.target.key
        if session is None or key not in session.segments or self.busy:
            return False
        beginning = self.beginning(scene)
        return beginning is not None and session.follow(key, beginning.mask, beginning.extent).changed is not None


def clickable_class(class_id: int | None) -> int | None:
    """A class, if it can be clicked on."""
    return None if class_id is None or not catalog.get(class_id).direct_prompt else class_id
