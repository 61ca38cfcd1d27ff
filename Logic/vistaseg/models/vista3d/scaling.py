"""Smaller windows where the memory for the published ones is not there.

A smaller window shows the network less of what surrounds a structure, and masks differ: most for structures that only
their surroundings identify, such as single vertebrae and ribs.
"""

from __future__ import annotations

from dataclasses import replace

from vistaseg.errors import MemoryLimitError
from vistaseg.geometry.box import Index, VoxelBox
from vistaseg.models.vista3d.configuration import Vista3dConfiguration
from vistaseg.models.vista3d.features import needed_bytes
from vistaseg.models.vista3d.windows import WindowPlan, plan_windows

EIGHTHS = (8, 7, 6, 5, 4)
"""Sides of the windows that are tried, in eighths of the published ones: the network halves a side four times."""


def plan_within(
    size: Index, configuration: Vista3dConfiguration, region: VoxelBox | None, memory_bytes: int | None
) -> WindowPlan:
    """The windows of `plan_windows`, as large as the memory allows.

    Args:
        memory_bytes: that encoding may take, as `needed_bytes` counts; None: no limit.

    Raises:
        MemoryLimitError: the smallest windows take more.
    """
    plan = plan_windows(size, configuration, region)
    if memory_bytes is None:
        return plan
    for eighths in EIGHTHS:
        plan = plan_windows(size, _scaled(configuration, eighths), region)
        if needed_bytes(plan, configuration.features) <= memory_bytes:
            return plan
    raise MemoryLimitError(
        f"This segmentation needs at least {needed_bytes(plan, configuration.features) / 1e9:.2g} GB of working "
        f"memory, and {memory_bytes / 1e9:.2g} GB are allowed. Allow more, or choose a smaller region of interest."
    )


def _scaled(configuration: Vista3dConfiguration, eighths: int) -> Vista3dConfiguration:
    x, y, z = (side * eighths // 8 for side in configuration.window)
    return replace(configuration, window=(x, y, z))
