"""How much work a whole volume will be, before its model is loaded."""

from __future__ import annotations

import math
from collections.abc import Sequence

from vistaseg.models.vista3d.configuration import Vista3dConfiguration
from vistaseg.resources import resource_path


def expected_windows(key: str, size_mm: Sequence[float]) -> int:
    """Windows that the first automatic segmentation of a whole volume has to encode, at most; 0 for a model without.

    Args:
        key: of the model.
        size_mm: sides of the volume along its axes.
    """
    if key not in ("vista3d", "demo"):
        return 0
    configuration = Vista3dConfiguration()
    if key == "demo":
        configuration = Vista3dConfiguration.read(resource_path("demo-model/config.json"))
    sides = zip(size_mm, configuration.spacing, configuration.window, strict=True)
    return math.prod(_along(side / spacing, window, configuration.overlap) for side, spacing, window in sides)


def _along(voxels: float, window: int, overlap: float) -> int:
    interval = int(window * (1 - overlap))
    return 1 + math.ceil(max(0.0, voxels - window) / interval)
