"""A part of the campaign of Testing/faults, in a process of its own, which forks one for each case."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
EACH = 4

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of memory and forks are Linux's"),
]
READERS = {
    "scans": ("NIfTI", "NIfTI, gzip", "NIfTI-2", "NRRD", "MetaImage", "DICOM series", "DICOM enhanced", "DICOM list"),
    "results": (
        ".seg.nrrd", "table beside a label map", "folder of masks", "DICOM-SEG", "DICOM-SEG, label map", "dicom check",
    ),
    "documents": (
        "session", "report of a cohort", "table of cases", "names of labels", "weights, safetensors",
        "weights, checkpoint", "record of weights",
    ),
    "command lines": ("command line",),
    "exhausted machines": ("no memory", "no room", "signals", "two processes on one output"),
}  # fmt: skip


@pytest.fixture(scope="module")
def counts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, int]]:
    """Reader -> verdict -> how many."""
    path = tmp_path_factory.mktemp("campaign") / "counts.json"
    places = os.pathsep.join(str(ROOT / name) for name in ("Logic", "Testing"))
    environment = {**os.environ, "PYTHONPATH": places, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "faults.campaign", "--each", str(EACH), "--json", str(path)]
    done = subprocess.run(command, env=environment, cwd=path.parent, capture_output=True, text=True, check=False)
    assert path.exists(), done.stderr[-2000:]
    print(done.stdout)
    return json.loads(path.read_text("utf-8"))


@pytest.mark.parametrize("kind", READERS)
def test_no_mutated_input_is_read_wrongly_or_ends_a_command_badly(counts, kind):
    for reader in READERS[kind]:
        assert sum(counts[reader].values()) and counts[reader].get("wrong", 0) == 0, reader


def test_every_reader_of_the_campaign_is_looked_at(counts):
    assert set(counts) == {reader for readers in READERS.values() for reader in readers}
