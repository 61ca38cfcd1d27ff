"""Measure speed and memory against the published pipeline; one JSON object on standard output.

    python Testing/benchmarks/run.py [GROUP]

Each key holds a ratio's median, minimum and maximum over repetitions in this one run; below 1 is better than the
published pipeline built from MONAI's parts, or in the group `slicer` than the usual way to write segments. `machine`
says where it was measured. Leave the machine alone meanwhile.
"""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
sys.path[:0] = [str(FOLDER.parents[1] / "Logic"), str(FOLDER.parent), str(FOLDER)]

import automatic  # noqa: E402
import clicks  # noqa: E402
import dicom  # noqa: E402
import effect  # noqa: E402
import memory  # noqa: E402
import panel  # noqa: E402
import segvol_network  # noqa: E402
import slicer_scene  # noqa: E402
import start_up  # noqa: E402
import torch  # noqa: E402

GROUPS: dict[str, Callable[[], dict[str, Any]]] = {
    "auto": automatic.measure,
    "click": clicks.measure,
    "dicom": dicom.measure,
    "memory": memory.measure,
    "segvol": segvol_network.measure,
    "slicer": lambda: slicer_scene.measure() | effect.measure() | panel.measure(),
    "start": start_up.measure,
}


def machine() -> dict[str, Any]:
    """What the figures belong to."""
    return {
        "cpu": torch.cpu.get_capabilities().get("cpu_name", platform.processor()),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }


def main() -> None:
    """Run one group, or all."""
    wanted = sys.argv[1:] or list(GROUPS)
    unknown = [name for name in wanted if name not in GROUPS]
    if unknown:
        sys.exit(f"Unknown group {unknown[0]}: choose one of {', '.join(GROUPS)}.")
    figures: dict[str, Any] = {"machine": machine()}
    for name in wanted:
        figures |= GROUPS[name]()
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
