"""A segment that becomes what its class is in the whole scan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from vistaseg import catalog
from vistaseg.errors import InputError
from vistaseg.masks.boxed import BoxedMask
from vistaseg.progress import Progress
from vistaseg.segmentation import Segment
from vistaseg.segmentation.confidence import without_confidence
from vistaseg.session import Session
from vistaseg.session.history import Answer
from vistaseg.workspace.operations import Operation


@dataclass(frozen=True, eq=False)
class AutomaticAnswer(Answer):
    """An answer to no prompt.

    Attributes:
        provenance: how its mask was made.
    """

    provenance: dict[str, Any] = field(default_factory=dict)


def replace_by_classes(class_ids: Sequence[int]) -> Operation:
    """Segment classes automatically; together they take the place of the segment, as what prompts start from."""

    def replace(session: Session, key: str, progress: Progress) -> AutomaticAnswer:
        found = session.segment(class_ids, progress=progress).segments
        if not found:
            names = ", ".join(catalog.get(class_id).name for class_id in class_ids)
            raise InputError(f"No {names} was found in this scan. Click into it instead, if it is there.")
        answer = session.follow(key, BoxedMask.union_of([segment.mask for segment in found]))
        return AutomaticAnswer(
            answer.mask,
            answer.changed,
            provenance={**_in_common(found), "structures": list(class_ids)},
        )

    return replace


def _in_common(segments: Sequence[Segment]) -> dict[str, Any]:
    """How segments of one answer were made; how sure the model is, it says of each alone."""
    return segments[0].provenance if len(segments) == 1 else without_confidence(segments[0].provenance)
