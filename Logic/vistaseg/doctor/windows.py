"""One window in the chosen precision against fp32, and a scan that is shorter than a window against MONAI."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from vistaseg.doctor.report import FAILED, OK, Check
from vistaseg.models.registry import spec

if TYPE_CHECKING:
    from vistaseg.models.protocol import SegmentationModel
    from vistaseg.models.spec import Comparison

MOST_OF_DEVIATION = 0.15
"""Mean difference between precisions, in standard deviations of the answer: bf16 keeps 8 bits. Ours."""

_PADDING_TOLERANCE = 1e-3


def window_checks(model: SegmentationModel, padding: str | None) -> Iterator[Check]:
    """Of one loaded model.

    Args:
        padding: the rule of the program that was published with its weights; None for models without one.
    """
    published = padding or model.identity.recipe.padding
    for comparison in spec(model.identity.key).compare(model, published):
        if comparison.what == "precision":
            yield _precision(model, comparison)
        else:
            yield _padding(model, published, comparison)


def _precision(model: SegmentationModel, comparison: Comparison) -> Check:
    name, precision = f"window {model.identity.key}", model.computed_on["precision"]
    exact, found = comparison.expected, comparison.found
    if not bool(np.isfinite(found.numpy()).all() and np.isfinite(exact.numpy()).all()):
        return Check(name, FAILED, f"A window in {precision} gives NaN: damaged weights or a bad driver.")
    spread = float(exact.std())
    difference = float((found - exact).abs().mean()) / max(spread, 1e-12)
    values = {"precision": precision, "difference_in_deviations": round(difference, 5)}
    text = f"One window in {precision} differs from fp32 by {difference:.4f} standard deviations of the answer"
    if spread == 0 or difference > MOST_OF_DEVIATION:
        return Check(name, FAILED, f"{text}: too much. Choose --precision fp32, and update PyTorch.", values)
    return Check(name, OK, f"{text}.", values)


def _padding(model: SegmentationModel, published: str, comparison: Comparison) -> Check:
    difference = float((comparison.found - comparison.expected).abs().max())
    values = {"published": published, "used": model.identity.recipe.padding, "difference": round(difference, 5)}
    name = f"padding {model.identity.key}"
    if difference > _PADDING_TOLERANCE * max(1.0, float(comparison.expected.abs().max())):
        text = (
            "A scan shorter than a window is not padded as the program published with these weights does "
            f'("{published}"): logits differ by {difference:.3g}. Masks of such scans are wrong.'
        )
        return Check(name, FAILED, text, values)
    return Check(name, OK, f'Scans shorter than a window are padded as published ("{published}").', values)
