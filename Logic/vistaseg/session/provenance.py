"""What a segment says of how it was made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vistaseg import __version__
from vistaseg.models.protocol import SegmentationModel
from vistaseg.prompts import RegionOfInterest


def provenance_of(models: Sequence[SegmentationModel], region: RegionOfInterest | None) -> dict[str, Any]:
    """JSON-able values; what differs between several models is listed in their order.

    Args:
        models: that took part; none where the mask was given.
        region: that an automatic segmentation was restricted to.
    """
    software = {"software": f"VistaSeg {__version__}"}
    if not models:
        return {"algorithm_type": "MANUAL", **software}
    where = {} if region is None else {"region_ras_mm": [_numbers(region.low), _numbers(region.high)]}
    return {
        "algorithm_type": "AUTOMATIC",
        "algorithm_name": ", ".join(model.identity.title for model in models),
        **software,
        "model": ", ".join(model.identity.key for model in models),
        "weights_sha256": ", ".join(model.identity.weights_sha256 for model in models),
        **_weights_from(models),
        "recipe": {model.identity.key: model.identity.recipe.as_dict() for model in models},
        **models[0].computed_on,
        **where,
    }


def _weights_from(models: Sequence[SegmentationModel]) -> dict[str, str]:
    known = [model.identity.weights_from or "unknown" for model in models]
    return {} if set(known) == {"unknown"} else {"weights_from": ", ".join(known)}


def _numbers(point: Sequence[float]) -> list[float]:
    return [float(value) for value in point]
