"""Prompts as they are typed, and their answers as they are told."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from vistaseg import catalog
from vistaseg.cli.console import echo
from vistaseg.cli.progress_bar import ProgressBar
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


def answer_prompts(session: Session, prompts: Sequence[Prompt], segment: str) -> list[dict[str, Any]]:
    """Answer the prompts of a segment one after the other, and tell how each went.

    Returns:
        JSON-able, for each: the prompt, segment, model (its key), seconds, voxels (of the segment then), note.
    """
    return [_answered(session, prompt, segment) for prompt in prompts]


def _answered(session: Session, prompt: Prompt, segment: str) -> dict[str, Any]:
    model = session.route(prompt, segment).model
    begin = time.perf_counter()
    with ProgressBar() as progress:
        answer = session.add(prompt, segment, progress)
    seconds = round(time.perf_counter() - begin, 3)
    if answer.note:
        echo(answer.note, err=True)
    if answer.changed is None:
        echo("A prompt changed nothing: the model sees no more to add or to take away there.", err=True)
    told = {"segment": segment, "model": model, "seconds": seconds, "voxels": int(answer.mask.sum())}
    return prompt.as_dict() | told | {"note": answer.note}
