"""What to say of a prompt that changed nothing."""

from __future__ import annotations

from collections.abc import Sequence

from vistaseg.geometry.grid import Grid
from vistaseg.prompts import Point, Prompt, RegionOfInterest
from vistaseg.session.regions import share_outside, voxels_in

_FEW_VOXELS = 8
_MOSTLY = 0.9


def effect_text(prompts: Sequence[Prompt], note: str, changed: bool, empty: bool, grid: Grid) -> str:
    """What to say of the last of some prompts that was answered; "" where nothing.

    Args:
        note: what the model says of its answer.
        changed: whether the answer changed the segment.
        empty: whether the segment has no voxel now.
        grid: of the scan.
    """
    effect = note or ("" if changed else _without_effect(prompts, empty))
    return " ".join(filter(None, (_grazing(prompts[-1], grid), effect)))


def _grazing(prompt: Prompt, grid: Grid) -> str:
    """A sentence on a box that has hardly anything of a scan in it; "" for one that has, and for other prompts."""
    if not isinstance(prompt, RegionOfInterest):
        return ""
    outside, voxels = share_outside(prompt, grid), voxels_in(prompt, grid, _FEW_VOXELS)
    if outside > _MOSTLY:
        # Never "100 %", for then it would not meet the scan.
        return f"{min(int(100 * outside), 99)} % of the box lie outside the scan: draw it around the structure."
    if voxels < _FEW_VOXELS:
        few = "no voxel" if not voxels else "only 1 voxel" if voxels == 1 else f"only {voxels} voxels"
        return f"The box covers {few} of the scan: draw it around the structure."
    return ""


def _without_effect(prompts: Sequence[Prompt], empty: bool) -> str:
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
