"""Slicer ends, whatever a job of the panel is doing: without a crash, and as soon as its window is done."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import host
import pytest

slicer = pytest.importorskip("slicer")
if not host.is_slicer():
    pytest.skip("ends a Slicer of its own, which is not here", allow_module_level=True)
from host.module_manager import EXTENSION

SCRIPT = Path(__file__).resolve().parents[2] / "quit_in_slicer.py"
LONGEST_S = 30.0
"""From the wish to quit to the end of the process, on a busy machine."""


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["idle", "queued", "loading", "computing", "arrived"])
def test_slicer_ends_without_a_crash(tmp_path, stage):
    launcher = Path(slicer.app.launcherExecutableFilePath)
    program = launcher if launcher.is_file() else slicer.app.applicationFilePath()
    modules = [str(EXTENSION / name) for name in ("VistaSeg", "SegmentEditorVistaSeg")]
    note, log = tmp_path / "asked", tmp_path / "log"
    command = [str(program), "--no-splash", "--additional-module-paths", *modules, "--python-script"]
    with log.open("wb") as output:
        ended = subprocess.run(
            [*command, str(SCRIPT), stage, str(note)],
            env={**os.environ, "HOME": str(tmp_path)},
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=240,
        )
    took = time.time() - float(note.read_text(encoding="utf-8"))
    said = log.read_text(encoding="utf-8", errors="replace")
    assert ended.returncode == 0, said
    assert "Traceback" not in said, said
    assert took < LONGEST_S
