"""Fixtures of all tests: real data where it exists, the demo model, small volumes."""

from __future__ import annotations

import os
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

from vistaseg.volume import Volume

# A slow machine is no error.
settings.register_profile("vistaseg", deadline=None)
settings.load_profile("vistaseg")

ROOT = Path(__file__).resolve().parents[2]
# Labelled CTs that may not be passed on with the project; VISTASEG_TEST_DATA names another place.
SHARED = Path(os.environ.get("VISTASEG_TEST_DATA", ROOT.parent / "shared" / "data"))
SAMPLES = ROOT / ".cache"
OWN_CODE = [str(ROOT / folder) for folder in ("Logic", "VistaSegExtension")]

Locate = Callable[[str], Path]
MakeVolume = Callable[[tuple[int, int, int], np.ndarray], Volume]

# Ellipsoids (centre and half axes in RAS mm, HU), each drawn over those before; the bright one is on the left.
PHANTOM = (
    ((0, 0, 0), (80, 60, 85), 40),
    ((-40, 10, 20), (20, 20, 20), 600),
    ((-40, 10, 20), (9, 9, 9), 900),
    ((40, 10, -20), (20, 20, 20), 300),
)


def _locate_in(folder: Path, hint: str) -> Locate:
    def locate(relative: str) -> Path:
        path = folder / relative
        if not path.exists():
            pytest.skip(f"{relative} is not here: {hint}")
        return path

    return locate


@pytest.fixture(scope="session")
def shared_data() -> Locate:
    """Path of a file of the labelled test data, or skip."""
    return _locate_in(SHARED, "set VISTASEG_TEST_DATA to the folder that holds it")


@pytest.fixture(scope="session")
def sample_data() -> Locate:
    """Path of a file that `make test` fetches, or skip."""
    return _locate_in(SAMPLES, "run Testing/fetch_sample_data.py .cache")


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees or changes the weights of the person who runs it."""
    monkeypatch.setenv("VISTASEG_HOME", str(tmp_path / "vistaseg-home"))


@pytest.fixture(scope="session", autouse=True)
def _starts_of_threads() -> Iterator[dict[threading.Thread, str]]:
    """Threads that the project's code has started, with the line that did."""
    starts: dict[threading.Thread, str] = {}
    start = threading.Thread.start

    def noted_start(thread: threading.Thread, *arguments: Any) -> None:
        frames = [frame for frame in traceback.extract_stack() if any(place in frame.filename for place in OWN_CODE)]
        if frames:
            starts[thread] = f"{frames[-1].filename}:{frames[-1].lineno}"
        start(thread, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading.Thread, "start", noted_start)
        yield starts


@pytest.fixture(autouse=True)
def _ends_its_threads(_starts_of_threads: dict[threading.Thread, str]) -> Iterator[None]:
    """A test fails on a thread that it leaves running; the heartbeat of what a process writes lasts as long as it."""
    before = set(_starts_of_threads)
    yield
    started = {thread for thread in set(_starts_of_threads) - before if thread.name != "vistaseg-heartbeat"}
    for thread in started:
        thread.join(5)
    left = [f"{thread.name}, started at {_starts_of_threads[thread]}" for thread in started if thread.is_alive()]
    for thread in started:
        del _starts_of_threads[thread]
    assert not left, "threads left running: " + "; ".join(left)


@pytest.fixture(scope="session")
def phantom() -> MakeVolume:
    """A small patient, scanned on any grid: (shape_ijk, ijk_to_ras) -> CT of int16."""

    def scan(shape_ijk: tuple[int, int, int], ijk_to_ras: np.ndarray) -> Volume:
        i, j, k = shape_ijk
        index = np.stack(np.meshgrid(range(k), range(j), range(i), indexing="ij")[::-1], axis=-1)
        ras = index @ np.asarray(ijk_to_ras)[:3, :3].T + np.asarray(ijk_to_ras)[:3, 3]
        hu = np.full((k, j, i), -1000, dtype=np.int16)
        for centre, axes, value in PHANTOM:
            hu[(((ras - centre) / axes) ** 2).sum(axis=-1) < 1] = value
        return Volume.from_array(hu, ijk_to_ras, axes="kji", name="phantom", modality="CT")

    return scan
