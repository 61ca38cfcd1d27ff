"""Peak memory of 117 classes over a whole scan, each side in a process of its own.

The network is of the demo model's width, so that what is measured is the stitching and not one forward pass.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from timing import REPETITIONS, ratio, spread

SMALL = (134, 134, 217)
FULL = (267, 267, 433)
"""A chest-abdomen-pelvis scan at 1.5 mm."""

PUBLISHED_BYTES_A_VOXEL = 4 * 117
MIB = 1 << 20


def measure() -> dict[str, Any]:
    """`peak_memory_vs_monai` on a size that both can do, and ours once on a full-size scan, above the imports."""
    ours, published = [], []
    for _ in range(REPETITIONS):
        ours.append(peak_mib("ours", SMALL))
        published.append(peak_mib("published", SMALL))
    full = peak_mib("ours", FULL)
    stitched = FULL[0] * FULL[1] * FULL[2] * PUBLISHED_BYTES_A_VOXEL / MIB
    return {
        "peak_memory_vs_monai": ratio(ours, published),
        "peak_memory_mib": {"ours": spread(ours), "published": spread(published), "voxels": SMALL},
        "peak_memory_full_scan_mib": {
            "ours": full,
            "published_stitching_alone": round(stitched),
            "voxels": FULL,
        },
        "peak_memory_full_scan_vs_stitching": round(full / stitched, 3),
    }


def peak_mib(side: str, size: tuple[int, int, int]) -> int:
    """Peak resident memory of a run, less what the process held before it, in MiB."""
    command = [sys.executable, str(Path(__file__).resolve()), side, *map(str, size)]
    found = subprocess.run(command, check=True, capture_output=True, text=True)
    peak = int(json.loads(found.stdout)["peak_mib"])
    print(f"memory, {side}, {size}: {peak} MiB", file=sys.stderr, flush=True)
    return peak


def resident_mib() -> float:
    """Largest resident memory of this process so far; not by `ru_maxrss`, which a program inherits from its parent."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def run(side: str, size: tuple[int, int, int]) -> int:
    """Do one side's work in this process."""
    folder = Path(__file__).resolve().parent
    sys.path[:0] = [str(folder.parents[1] / "Logic"), str(folder.parent), str(folder)]
    import torch
    from automatic import noise_image
    from reference_pipeline import automatic_logits

    from vistaseg import catalog
    from vistaseg.compute import Compute
    from vistaseg.models.vista3d.automatic import AutomaticBranch
    from vistaseg.models.vista3d.channels_last import to_channels_last
    from vistaseg.models.vista3d.classify import ClassQuestion
    from vistaseg.models.vista3d.configuration import Vista3dConfiguration
    from vistaseg.models.vista3d.network import build_network
    from vistaseg.progress import silent

    configuration = Vista3dConfiguration(width=16, features=32, blocks_down=(1, 1, 2, 2), window=(64, 64, 64))
    network = build_network(configuration).requires_grad_(False)
    image, everything = noise_image(size), catalog.everything()
    before = resident_mib()
    if side == "ours":
        cpu = Compute(torch.device("cpu"), torch.float32)
        branch = AutomaticBranch(to_channels_last(network), configuration, image, cpu, keep_bytes=2 << 30)
        branch.answer(ClassQuestion(everything), None, silent)
    else:
        with torch.inference_mode():
            automatic_logits(network, image.voxels[None], everything, configuration).max(dim=0)
    return round(resident_mib() - before)


if __name__ == "__main__":
    print(json.dumps({"peak_mib": run(sys.argv[1], (int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))}))
