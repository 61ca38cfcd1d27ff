"""The two questions of `segment`: for classes, and for what texts and a box say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vistaseg import catalog
from vistaseg.cli.console import warn
from vistaseg.cli.progress_bar import ProgressBar
from vistaseg.cli.prompting import answer_prompts, meant_by
from vistaseg.cli.question import names
from vistaseg.cli.report import Finding
from vistaseg.cli.results import check_output
from vistaseg.errors import UsageError
from vistaseg.prompts import Text

if TYPE_CHECKING:
    from vistaseg.cli.run import Request
    from vistaseg.models.protocol import SegmentationModel
    from vistaseg.segmentation import Segmentation
    from vistaseg.session import Session

UNNAMED = "segment"


def ask_for_classes(request: Request, session: Session) -> Finding:
    """All classes in one pass.

    Raises:
        UsageError: the model does not know a class that was named, or the output cannot hold the answer.
        InputError, MemoryLimitError, CancelledError: of the session.
    """

    model = session.model
    asked, left_out = request.question.ids_for(model.class_ids, model.identity.title)
    check_output(request.output, _names(asked))
    _require_room_for_overlaps(request.output, asked)
    notes = [_left_out_note(left_out, model)] if left_out else []
    for note in notes:
        warn(note)
    with ProgressBar() as progress:
        segmentation = session.segment(asked, request.region, progress)
    notes += _smaller_windows(segmentation, model)
    return Finding(segmentation, _names(asked), _names(left_out), tuple(notes))


def ask_by_prompts(request: Request, session: Session) -> Finding:
    """A segment for each text, and the box with each; or one for the box alone.

    A text that means one class says what the box is around, and is not asked for alone: that would add all of it, also
    beside the box.

    Raises:
        UsageError: two texts mean the same, no model takes a text, or the output cannot hold the answer.
        InputError, MemoryLimitError, CancelledError: of the session.
    """

    boxes = [] if request.box is None else [request.box]
    groups: list[tuple[Text, ...]] = [(text,) for text in request.texts] or [()]
    segments = [meant_by(session, texts) if texts else (UNNAMED, None) for texts in groups]
    check_output(request.output, [name for name, _ in segments])
    for name, class_id in segments:
        session.start(name, class_id)
    rows = [
        row
        for (name, class_id), texts in zip(segments, groups, strict=True)
        for row in answer_prompts(session, [*(texts if class_id is None or not boxes else ()), *boxes], name)
    ]
    return Finding(session.segmentation(), tuple(name for name, _ in segments), prompts=tuple(rows))


def _names(ids: Sequence[int]) -> tuple[str, ...]:
    return tuple(catalog.get(i).name for i in ids)


def _require_room_for_overlaps(output: str, ids: tuple[int, ...]) -> None:
    """Say before the work, not after it, that a label map has one label a voxel."""
    within_others = [i for i in ids if not catalog.get(i).in_everything]
    if within_others and len(ids) > 1 and output.lower().endswith((".nii", ".nii.gz")):
        raise UsageError(
            f"A label map cannot hold {names(within_others)} together with others, because they overlap. "
            "Write a .seg.nrrd file, or a folder with one NIfTI file per structure."
        )


def _smaller_windows(segmentation: Segmentation, model: SegmentationModel) -> list[str]:
    """A note where the limit of memory made the windows smaller than the model's own."""
    from vistaseg.models.registry import spec

    own_windows = spec(model.identity.key).sliding_windows()
    used = next((tuple(segment.provenance.get("window", ())) for segment in segmentation.segments), ())
    if own_windows is None or used in ((), own_windows.window):
        return []
    sides, own = (" x ".join(map(str, window)) for window in (used, own_windows.window))
    note = f"To stay within the memory, windows of {sides} voxels were used, not {own}: masks differ."
    warn(note)
    return [note]


def _left_out_note(left_out: tuple[int, ...], model: SegmentationModel) -> str:
    count = "1 structure" if len(left_out) == 1 else f"{len(left_out)} structures"
    return f"{model.identity.title} does not know {count} of what was asked for, left out: {names(left_out)}."
