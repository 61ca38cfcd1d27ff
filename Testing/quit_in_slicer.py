"""In a Slicer of its own: bring a job of the panel to a stage, and end the application.

    Slicer --no-splash --additional-module-paths … --python-script Testing/quit_in_slicer.py STAGE NOTE

Writes the time into the file NOTE just before it ends the application.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from threading import Timer

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / name) for name in ("Testing", "Logic", "VistaSegExtension/VistaSeg")]

WORK_GOES_ON_S = 1.0
"""After the application was told to end, as a window that is being computed."""


def begin(stage: str) -> Stops:
    """Bring a click to a stage."""
    slicer.util.selectModule("VistaSeg")
    panel, stops = slicer.util.getModuleWidget("VistaSeg").panel, Stops()
    panel.workspace._volumes._loaded._load = SteppedModels(stops).__getitem__
    volume = add_ct()
    panel.selection.parameters.modelChoice = "demo"
    panel.selection.volumeNode = volume
    world = voxel_to_world(volume, MIDDLES[SPLEEN])
    click = lambda: panel.sections["InteractiveSection"]._onPoint(world, True, [])  # noqa: E731
    if stage == "idle":
        click()
        wait_until(lambda: not panel.workspace.busy, slicer.app.processEvents)
    else:
        bring_to(stage, stops, panel.workspace, click)
        assert panel.workspace.busy
    return stops


if __name__ == "__main__":
    import slicer
    from panel_case import MIDDLES, SPLEEN, add_ct, voxel_to_world
    from stepped_model import SteppedModels, Stops, bring_to
    from waiting import wait_until

    stops = begin(sys.argv[1])
    Timer(WORK_GOES_ON_S, stops.release).start()
    Path(sys.argv[2]).write_text(str(time.time()), encoding="utf-8")
    slicer.util.exit(0)
