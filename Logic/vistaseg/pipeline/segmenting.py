"""The two kinds of request: for classes, and by texts and a box."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vistaseg import catalog
from vistaseg.pipeline.plan import CheckSegments, Plan, Result
from vistaseg.pipeline.prompting import answer_prompts, meant_by
from vistaseg.pipeline.reporter import Reporter
from vistaseg.pipeline.structures import names
from vistaseg.prompts import Text

if TYPE_CHECKING:
    from vistaseg.models.protocol import SegmentationModel
    from vistaseg.segmentation import Segmentation
    from vistaseg.session import Session

UNNAMED = "segment"


def segment_classes(plan: Plan, session: Session, reporter: Reporter, check_segments: CheckSegments) -> Result:
    """All classes in one pass.

    Raises:
        UsageError: the model does not know a class that was named, or `check_segments` refuses them.
        InputError, MemoryLimitError, CancelledError: of the session.
    """
    model = session.model
    wanted, left_out = plan.structures.ids_for(model.class_ids, model.identity.title)
    check_segments(_names(wanted), wanted)
    notes = [_left_out_note(left_out, model)] if left_out else []
    for note in notes:
        reporter.warn(note)
    with reporter.progress() as progress:
        segmentation = session.segment(wanted, plan.region, progress)
    smaller = _smaller_windows(segmentation, model)
    for note in smaller:
        reporter.warn(note)
    return Result(segmentation, _names(wanted), _names(left_out), (*notes, *smaller))


def segment_by_prompts(plan: Plan, session: Session, reporter: Reporter, check_segments: CheckSegments) -> Result:
    """A segment for each text, and the box with each; or one for the box alone.

    A text that means one class says what the box is around, and is not answered alone: that would add all of it, also
    beside the box.

    Raises:
        UsageError: two texts mean the same, no model takes a text, or `check_segments` refuses the segments.
        InputError, MemoryLimitError, CancelledError: of the session.
    """
    boxes = [] if plan.box is None else [plan.box]
    groups: list[tuple[Text, ...]] = [(text,) for text in plan.texts] or [()]
    segments = [meant_by(session, texts) if texts else (UNNAMED, None) for texts in groups]
    check_segments([name for name, _ in segments], ())
    for name, class_id in segments:
        session.start(name, class_id)
    rows = [
        row
        for (name, class_id), texts in zip(segments, groups, strict=True)
        for row in answer_prompts(session, [*(texts if class_id is None or not boxes else ()), *boxes], name, reporter)
    ]
    return Result(session.segmentation(), tuple(name for name, _ in segments), prompts=tuple(rows))


def _names(ids: Sequence[int]) -> tuple[str, ...]:
    return tuple(catalog.get(i).name for i in ids)


def _smaller_windows(segmentation: Segmentation, model: SegmentationModel) -> list[str]:
    """A note where the limit of memory made the windows smaller than the model's own."""
    from vistaseg.models.registry import spec

    own_windows = spec(model.identity.key).sliding_windows()
    used = next((tuple(segment.provenance.get("window", ())) for segment in segmentation.segments), ())
    if own_windows is None or used in ((), own_windows.window):
        return []
    sides, own = (" x ".join(map(str, window)) for window in (used, own_windows.window))
    return [f"To stay within the memory, windows of {sides} voxels were used, not {own}: masks differ."]


def _left_out_note(left_out: tuple[int, ...], model: SegmentationModel) -> str:
    count = f"{len(left_out)} of the requested structures"
    return f"{model.identity.title} does not know {count}, left out: {names(left_out)}."
