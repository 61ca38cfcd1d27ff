"""Names as prompts, and the prompts of a segment answered one after the other."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vistaseg import catalog
from vistaseg.pipeline.reporter import Reporter
from vistaseg.prompts import Prompt, Text

if TYPE_CHECKING:
    from vistaseg.session import Session


def parse_texts(texts: Sequence[str] | None) -> tuple[Text, ...]:
    """Names of structures, each once, in their order.

    Raises:
        UsageError: one is empty, or a sentence.
    """
    from vistaseg.models.registry import require_name

    found = {text.text.casefold(): text for text in map(Text, reversed(texts or ()))}
    for text in found.values():
        require_name(text.text)
    return tuple(reversed(found.values()))


def meant_by(session: Session, texts: Sequence[Text]) -> tuple[str, int | None]:
    """Name and class of a segment that texts start: those of the structure, where they mean exactly one class.

    Raises:
        UsageError: no model takes a text.
    """
    answered = [session.route(text).class_ids for text in texts]
    ids = {class_id for class_ids in answered for class_id in class_ids}
    if len(ids) == 1 and all(answered):
        (class_id,) = ids
        return catalog.get(class_id).name, class_id
    return ", ".join(text.text for text in texts), None


def answer_prompts(
    session: Session, prompts: Sequence[Prompt], segment: str, reporter: Reporter
) -> list[dict[str, Any]]:
    """Answer the prompts of a segment one after the other, and report how each went.

    Returns:
        JSON-able, for each: the prompt, segment, model (its key), seconds, voxels (of the segment then), note.
    """
    return [_answered(session, prompt, segment, reporter) for prompt in prompts]


def _answered(session: Session, prompt: Prompt, segment: str, reporter: Reporter) -> dict[str, Any]:
    model = session.route(prompt, segment).model
    begin = time.perf_counter()
    with reporter.progress() as progress:
        answer = session.add(prompt, segment, progress)
    seconds = round(time.perf_counter() - begin, 3)
    if answer.note:
        reporter.tell(answer.note)
    if answer.changed is None:
        reporter.tell("The prompt changed nothing.")
    described = {"segment": segment, "model": model, "seconds": seconds, "voxels": answer.mask.voxel_count}
    return prompt.as_dict() | described | {"note": answer.note}
