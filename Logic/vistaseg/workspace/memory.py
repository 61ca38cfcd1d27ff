"""The prompts of a segment, kept in one of its tags, so that they survive with the scene and the file."""

from __future__ import annotations

from typing import Any

from vistaseg.errors import UsageError
from vistaseg.mrml.seals import seal_answer
from vistaseg.mrml.tags import read_tag
from vistaseg.prompts import Prompt, prompt_from_dict
from vistaseg.segmentation.tags import json_tag, values_of_json_tag
from vistaseg.session import Session

TAG = "VistaSeg.Prompts"


def remember(vtk_segment: Any, session: Session, key: str) -> None:
    """Write the prompts of a session's segment into its tag, and seal what they made; one without prompts has none."""
    memory = session.memory_of(key)
    if not memory["steps"]:
        vtk_segment.RemoveTag(TAG)
        return
    seal_answer(vtk_segment, session.fingerprint(key))
    document = {"volume": session.volume.content_hash, "segment": memory}
    vtk_segment.SetTag(TAG, json_tag(document))


def recall(vtk_segment: Any) -> dict[str, Any] | None:
    """What `remember` wrote; None where there is nothing, or nothing that can be read."""
    text = read_tag(vtk_segment, TAG)
    if not text:
        return None
    document = values_of_json_tag(text)
    return document if document is not None and isinstance(document.get("segment"), dict) else None


def prompts_of(document: dict[str, Any] | None) -> tuple[Prompt, ...]:
    """The prompts in such a document."""
    try:
        return tuple(prompt_from_dict(step["prompt"]) for step in (document or {})["segment"]["steps"])
    except (KeyError, TypeError, UsageError):
        return ()


def models_of(document: dict[str, Any]) -> set[str]:
    """Keys of the models that answered the prompts."""
    try:
        return {str(step["record"]["model"]) for step in document["segment"]["steps"]}
    except (KeyError, TypeError):
        return set()
