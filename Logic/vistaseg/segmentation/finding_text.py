"""Why a segment is worth a look, in words: of the panel, in its language, and of the command line."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vistaseg.segmentation.plausibility import Finding


def finding_text(finding: Finding, _: Callable[[str], str] = str) -> str:
    """One reason to look, in a few words.

    Args:
        _: translates a text; called so because that is where Slicer's translators find texts.
    """
    if finding.kind == "border":
        return _("touches the border of the scan")
    if finding.kind == "pieces":
        count, stray = finding.numbers
        return _("{count} pieces, {stray} % outside the largest").format(count=round(count), stray=round(stray * 100))
    if finding.kind == "confidence":
        return _("low confidence: {value}").format(value=f"{finding.numbers[0]:.2f}")
    if finding.kind == "outside":
        outside, voxels = (f"{round(number):,}".replace(",", " ") for number in finding.numbers)
        return _("{outside} of its {voxels} voxels lie outside the scan").format(outside=outside, voxels=voxels)
    if finding.kind == "resampled":
        drawn, volume = (milliliters(number) for number in finding.numbers)
        return _("{drawn} ml as drawn, {volume} ml on the voxels of the scan").format(drawn=drawn, volume=volume)
    volume, low, high = (milliliters(number) for number in finding.numbers)
    text = _("small for its kind") if finding.kind == "small" else _("large for its kind")
    return _("{text}: {volume} ml, {low} to {high} ml expected").format(text=text, volume=volume, low=low, high=high)


def milliliters(value: float) -> str:
    """With as many digits as mean something."""
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"
