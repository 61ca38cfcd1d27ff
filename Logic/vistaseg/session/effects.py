"""What to say of a prompt that changed nothing."""

from __future__ import annotations

from collections.abc import Sequence

from vistaseg.prompts import Point, Prompt


def without_effect(prompts: Sequence[Prompt], empty: bool) -> str:
    """A sentence on the last of some prompts, which changed nothing.

    Args:
        empty: whether the segment has no voxel.
    """
    last = prompts[-1]
    if empty:
        return f"Prompt {len(prompts)} changed nothing: nothing was found there, and the segment is empty."
    if not isinstance(last, Point):
        return f"Prompt {len(prompts)} changed nothing: what was found is in the segment already."
    contrary = Point(last.ras, not last.positive)
    if contrary in prompts:
        return (
            f"Click {len(prompts)} changed nothing: click {prompts.index(contrary) + 1} says the opposite at the same "
            "place. Take one of the two back."
        )
    if last.positive:
        return (
            f"Click {len(prompts)} changed nothing: the segment holds already what was found there. Click where "
            "something is missing."
        )
    return (
        f"Click {len(prompts)} changed nothing: nothing of the segment was found there. Click on what does not belong "
        "to it."
    )
