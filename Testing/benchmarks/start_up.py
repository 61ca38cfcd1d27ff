"""What a user waits for before anything happens: CPU time (user and system) of new processes, medians of five.

Run it with the Python of a user's install: packages for development are imported by MONAI where they are there.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SCAN = ROOT / "Testing" / "fixtures" / "frozen" / "input" / "scan.nii.gz"
REPEATS = 5
MAIN = "from vistaseg.cli.main import main\nmain()"
FIRST_LINE = f"""
import os, sys
class Screen:
    def write(self, text):
        os._exit(0)
    def flush(self):
        pass
    def isatty(self):
        return True
sys.stderr = Screen()
{MAIN}"""
READY = f"""
import os
from vistaseg.session import Session
Session.segment = lambda *arguments, **more: os._exit(0)
{MAIN}"""


def cpu_seconds(code: str, *arguments: str) -> float:
    """User and system time of a new Python, on one thread."""
    before = os.times()
    environment = os.environ | {"PYTHONPATH": str(ROOT / "Logic"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", code, *arguments]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def measure() -> dict[str, Any]:
    """CPU seconds as median, minimum and maximum; `ready_vs_torch` against `import torch` in the same round."""
    with tempfile.TemporaryDirectory() as folder:
        segment = (
            "segment",
            str(SCAN),
            "-o",
            str(Path(folder) / "a.seg.nrrd"),
            "--model",
            "demo",
            "--classes",
            "liver",
        )
        rounds = [
            {
                "help_cpu_seconds": cpu_seconds(MAIN, "--help"),
                "import_vistaseg_cpu_seconds": cpu_seconds("import vistaseg"),
                "first_line_cpu_seconds": cpu_seconds(FIRST_LINE, *segment),
                "import_torch_cpu_seconds": cpu_seconds("import torch"),
                "ready_cpu_seconds": cpu_seconds(READY, *segment),
            }
            for _ in range(REPEATS)
        ]
    ratios = [one["ready_cpu_seconds"] / one["import_torch_cpu_seconds"] for one in rounds]
    figures = {key: [one[key] for one in rounds] for key in rounds[0]} | {"ready_vs_torch": ratios}
    return {key: _spread(values) for key, values in figures.items()}


def _spread(values: list[float]) -> dict[str, float]:
    found = {"median": statistics.median(values), "min": min(values), "max": max(values)}
    return {key: round(value, 3) for key, value in found.items()}
