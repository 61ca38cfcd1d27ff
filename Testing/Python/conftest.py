"""Fixtures of all tests: real data where it exists, the demo model, small volumes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Labelled CTs that may not be passed on with the project; VISTASEG_TEST_DATA names another place.
SHARED = Path(os.environ.get("VISTASEG_TEST_DATA", ROOT.parent / "shared" / "data"))
SAMPLES = ROOT / ".cache"

Locate = Callable[[str], Path]


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
