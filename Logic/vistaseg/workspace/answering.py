"""Prompts of one segment, answered in the worker's thread, and what comes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vistaseg.errors import CancelledError, UsageError, VistaSegError
from vistaseg.masks.boxed import BoxedMask, MaskChange
from vistaseg.progress import Progress
from vistaseg.prompts import Prompt
from vistaseg.session import Session
from vistaseg.session.history import Answer
from vistaseg.workspace.memory import is_of, models_of, moved, prompts_of
from vistaseg.workspace.operations import Operation, SegmentResult
from vistaseg.workspace.replacing import AutomaticAnswer


@dataclass(frozen=True, eq=False)
class SceneSegment:
    """A segment as the scene has it before a job.

    Attributes:
        mask: on the volume's grid.
        class_id: id in the catalogue of what it is, if it can be clicked on.
        provenance: how it was made.
        memory: its prompts, as `memory.recall` found them.
        name: as the user sees it.
        known_organ: see `Session.start`.
        notes: what the user should know before, a sentence each.
    """

    mask: BoxedMask
    class_id: int | None
    provenance: dict[str, Any]
    memory: dict[str, Any] | None
    name: str = ""
    known_organ: bool = False
    notes: tuple[str, ...] = ()


def answer(
    session: Session,
    key: str,
    start: SceneSegment | None,
    earlier: dict[str, Any] | None,
    operations: Sequence[Operation],
    progress: Progress,
) -> SegmentResult:
    """Do the operations on a segment one after the other; one that fails leaves the others.

    Args:
        start: the segment as it is now; None where it is as the session left it.
        earlier: of the outcome before.

    Raises:
        CancelledError: the segment is as before.
    """
    notes: list[str] = []
    errors: list[VistaSegError] = []
    if start is not None:
        notes += start.notes
        earlier = _begin(session, key, start, earlier, notes)
    before, prompts = session.result(key), session.prompts(key)
    for operation in operations:
        try:
            answered = operation(session, key, progress)
            notes.append(answered.note)
            earlier = answered.provenance if isinstance(answered, AutomaticAnswer) else earlier
        except CancelledError:
            session.follow(key, before.mask, prompts)
            raise
        except VistaSegError as error:
            errors.append(error)
    change, now = MaskChange.between(before.mask, session.result(key).mask), session.prompts(key)
    return SegmentResult(
        None if change.empty else change,
        tuple(filter(None, notes)),
        tuple(errors),
        _provenance(session, key, earlier),
        earlier,
        _added_after(prompts, now),
        now != prompts,
    )


def _added_after(before: Sequence[Prompt], after: Sequence[Prompt]) -> int | None:
    """How many prompts there were, where others have come after them and nothing else has happened."""
    count = len(before)
    return count if len(after) > count and tuple(after[:count]) == tuple(before) else None


def _provenance(session: Session, key: str, earlier: dict[str, Any] | None) -> dict[str, Any]:
    """How the mask of a segment was made: by its prompts, and by what they started from."""
    made = session.made(key)
    if made is None:
        return {}
    if earlier is None:
        return made.provenance
    return made.provenance | {"corrected": earlier} if session.changed(key) else earlier


def follow(session: Session, key: str, start: SceneSegment) -> Answer:
    """Bring the session to where the segment is, with the prompts and the class that it says it has."""
    session.set_class(key, start.class_id, start.known_organ)
    return session.follow(key, start.mask, prompts_of(start.memory))


def _begin(
    session: Session, key: str, start: SceneSegment, earlier: dict[str, Any] | None, notes: list[str]
) -> dict[str, Any] | None:
    """Bring the session to where the segment is; returns how the mask was made that its prompts start from."""
    if key not in session.segments:
        if _resumed(session, key, start):
            return start.provenance.get("corrected")
        if prompts_of(start.memory):
            notes.append(
                f"The earlier prompts on {start.name} belong to another scan, another model, or to the scan as it "
                "was before it was changed. They are put aside, and new ones start from the segment as it is."
            )
        session.start(key, start.class_id, start.known_organ)
    follow(session, key, start)
    return start_provenance(session, key, start, earlier)


def start_provenance(
    session: Session, key: str, start: SceneSegment, earlier: dict[str, Any] | None
) -> dict[str, Any] | None:
    """How the mask was made that the prompts of a segment start from, once the session has followed it.

    Args:
        earlier: the same before it was followed.

    Returns:
        Empty where it is not recorded; None where the prompts start from nothing.
    """
    if not session.prompts(key):
        return None if start.mask.empty else start.provenance
    # Undo brings back the tags of the prompts that it leads to; prompts that changed nothing were never written there.
    return start.provenance.get("corrected") if start.provenance.get("prompts") else earlier


def _resumed(session: Session, key: str, start: SceneSegment) -> bool:
    """Go on with the prompts that the segment remembers, if they are of this volume and these models."""
    document = moved(start.memory, session.volume.ijk_to_ras)
    known = {model.identity.key for model in session.models}
    if document is None or not is_of(document, session.volume) or not models_of(document) <= known:
        return False
    try:
        memory = {**document["segment"], "known_organ": start.known_organ}
        session.resume(key, memory, start.mask)
    except UsageError:
        return False
    return True
