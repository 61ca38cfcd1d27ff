"""How long it takes to open the panel, in a process that has just started Slicer's libraries and Qt."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from timing import spread

TESTING = Path(__file__).resolve().parents[1]
REPETITIONS = 5

OPEN = """
import time
import host
host.start()
from host import module_manager
start = time.perf_counter()
module_manager.load("VistaSeg")
module_manager.open_widget("VistaSeg")
print((time.perf_counter() - start) * 1e3)
module_manager.close_widget("VistaSeg")
from VistaSegLib import Host
Host.close()
"""


def measure() -> dict[str, Any]:
    """Milliseconds, median, minimum and maximum over processes; compiled before, as an installed extension is."""
    with tempfile.TemporaryDirectory() as compiled:
        times = [_open_once(compiled) for _ in range(REPETITIONS + 1)][1:]
    return {"open_panel_ms": spread(times)}


def _open_once(compiled: str) -> float:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPATH"] = os.pathsep.join([str(TESTING), str(TESTING.parent / "Logic")])
    environment["PYTHONPYCACHEPREFIX"] = compiled
    result = subprocess.run([sys.executable, "-c", OPEN], env=environment, capture_output=True, text=True, check=True)
    return float(result.stdout.splitlines()[0])
