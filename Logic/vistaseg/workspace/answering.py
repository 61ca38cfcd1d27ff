"""Prompts of one segment, answered in the worker's thread, and what comes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vistaseg.errors import CancelledError, UsageError, VistaSegError
from vistaseg.geometry.box import VoxelBox
from vistaseg.mrml.editing import SegmentChange
from vistaseg.progress import Progress
from vistaseg.prompts import Prompt
from vistaseg.segmentation import crop_to_content
from vistaseg.segmentation.model import Mask
from vistaseg.session import Session
from vistaseg.session.history import Answer
from vistaseg.workspace.memory import is_of, models_of, moved, prompts_of
from vistaseg.workspace.operations import Operation
from vistaseg.workspace.replacing import AutomaticAnswer


@dataclass(frozen=True, eq=False)
class Beginning:
    """A segment as MRML has it before a job.

    Attributes:
        mask: bool (k, j, i), of `extent` only, on the volume's grid.
        class_id: id in the catalogue of what it is, if it can be clicked on.
        provenance: how it was made.
        memory: its prompts, as `memory.recall` found them.
        name: as the user sees it.
        known_organ: see `Session.start`.
        told: what the user should know before, a sentence each.
    """

    mask: Mask
    extent: VoxelBox
    class_id: int | None
    provenance: dict[str, Any]
    memory: dict[str, Any] | None
    name: str = ""
    known_organ: bool = False
    told: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class SegmentResult:
    """What a job has to write.

    Attributes:
        change: voxels that differ; None where none do.
        notes: of the answers, a sentence each.
        errors: of operations that failed; the others were done.
        provenance: how the segment was made now; empty where nothing is there, or nobody recorded it.
        earlier: how the mask was made that the prompts started from, empty where nobody recorded it; None where they
            started from nothing.
        count: how many prompts there were before those that were answered; None where it did more than add to them.
        asked: whether the prompts are others than before, though they may have changed no voxel.
    """

    change: SegmentChange | None
    notes: tuple[str, ...] = ()
    errors: tuple[VistaSegError, ...] = ()
    provenance: dict[str, Any] = field(default_factory=dict)
    earlier: dict[str, Any] | None = None
    count: int | None = None
    asked: bool = False


def answer(
    session: Session,
    key: str,
    beginning: Beginning | None,
    earlier: dict[str, Any] | None,
    operations: Sequence[Operation],
    progress: Progress,
) -> SegmentResult:
    """Do the operations on a segment one after the other; one that fails leaves the others.

    Args:
        beginning: the segment as it is now; None where it is as the session left it.
        earlier: of the outcome before.

    Raises:
        CancelledError: the segment is as before.
    """
    notes: list[str] = []
    errors: list[VistaSegError] = []
    if beginning is not None:
        notes += beginning.told
        earlier = _begin(session, key, beginning, earlier, notes)
    before, prompts = session.result(key), session.prompts(key)
    for operation in operations:
        try:
            answered = operation(session, key, progress)
            notes.append(answered.note)
            earlier = answered.provenance if isinstance(answered, AutomaticAnswer) else earlier
        except CancelledError:
            session.follow(key, before.mask, before.extent, prompts)
            raise
        except VistaSegError as error:
            errors.append(error)
    change, now = change_between(before, session.result(key)), session.prompts(key)
    return SegmentResult(
        change,
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


def change_between(before: Answer, after: Answer) -> SegmentChange | None:
    """Voxels in which two masks differ."""
    box = before.extent.union(after.extent)
    was, now = (np.zeros(box.shape_kji, dtype=bool) for _ in range(2))
    for part, whole in ((before, was), (after, now)):
        if not part.extent.empty:
            whole[part.extent.relative_to(box.start).slices_kji] = part.mask
    different, extent = crop_to_content(was ^ now, box.start)
    if extent.empty:
        return None
    now = now[extent.relative_to(box.start).slices_kji]
    return SegmentChange(different & now, different & ~now, extent)


def mask_after(mask: Mask, extent: VoxelBox, change: SegmentChange) -> tuple[Mask, VoxelBox]:
    """A mask after a change, bool (k, j, i) of its extent, and that extent.

    Args:
        mask: bool (k, j, i), of `extent` only.
    """
    box = extent.union(change.extent)
    whole = np.zeros(box.shape_kji, dtype=bool)
    if not extent.empty:
        whole[extent.relative_to(box.start).slices_kji] = mask
    part = whole[change.extent.relative_to(box.start).slices_kji]
    part |= change.added
    part &= ~change.removed
    return crop_to_content(whole, box.start)


def kept_back(change: SegmentChange, mask: Mask, extent: VoxelBox) -> int:
    """Number of voxels that were to change and did not.

    Args:
        mask: of the segment after the change was written, bool (k, j, i) of `extent` only.
    """
    now = np.zeros(change.extent.shape_kji, dtype=bool)
    common = change.extent.intersection(extent)
    if not common.empty:
        now[common.relative_to(change.extent.start).slices_kji] = mask[common.relative_to(extent.start).slices_kji]
    return int(np.count_nonzero((change.added & ~now) | (change.removed & now)))


def _provenance(session: Session, key: str, earlier: dict[str, Any] | None) -> dict[str, Any]:
    """How the mask of a segment was made: by its prompts, and by what they started from."""
    made = session.made(key)
    if made is None:
        return {}
    if earlier is None:
        return made.provenance
    return made.provenance | {"corrected": earlier} if session.changed(key) else earlier


def follow(session: Session, key: str, beginning: Beginning) -> Answer:
    """Bring the session to where the segment is, with the prompts and the class that it says it has."""
    session.set_class(key, beginning.class_id, beginning.known_organ)
    return session.follow(key, beginning.mask, beginning.extent, prompts_of(beginning.memory))


def _begin(
    session: Session, key: str, beginning: Beginning, earlier: dict[str, Any] | None, notes: list[str]
) -> dict[str, Any] | None:
    """Bring the session to where the segment is; returns how the mask was made that its prompts start from."""
    if key not in session.segments:
        if _resumed(session, key, beginning):
            return beginning.provenance.get("corrected")
        if prompts_of(beginning.memory):
            notes.append(
                f"The earlier prompts on {beginning.name} belong to another scan, another model, or to the scan as it "
                "was before it was changed. They are put aside, and new ones start from the segment as it is."
            )
        session.start(key, beginning.class_id, beginning.known_organ)
    follow(session, key, beginning)
    return start_provenance(session, key, beginning, earlier)


def start_provenance(
    session: Session, key: str, beginning: Beginning, earlier: dict[str, Any] | None
) -> dict[str, Any] | None:
    """How the mask was made that the prompts of a segment start from, once the session has followed it.

    Args:
        earlier: the same before it was followed.

    Returns:
        Empty where nobody recorded it; None where the prompts start from nothing.
    """
    if not session.prompts(key):
        return None if beginning.extent.empty else beginning.provenance
    # Undo brings back the tags of the prompts that it leads to; prompts that changed nothing were never written there.
    return beginning.provenance.get("corrected") if beginning.provenance.get("prompts") else earlier


def _resumed(session: Session, key: str, beginning: Beginning) -> bool:
    """Go on with the prompts that the segment remembers, if they are of this volume and these models."""
    document = moved(beginning.memory, session.volume.ijk_to_ras)
    known = {model.identity.key for model in session.models}
    if document is None or not is_of(document, session.volume) or not models_of(document) <= known:
        return False
    try:
        memory = {**document["segment"], "known_organ": beginning.known_organ}
        session.resume(key, memory, beginning.mask, beginning.extent)
    except UsageError:
        return False
    return True
