"""Fixtures of the tests of the extension, which run on the test host and inside a Slicer alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import host
import pytest

try:
    host.start()
except ImportError as error:
    # Each test file then skips itself by `pytest.importorskip("qt")`, with its name.
    print(f"No test host: {error}")
else:
    import slicer
    from host.mrml_scene import scene  # noqa: F401 - a fixture


@pytest.fixture
def wait_until() -> Iterator[Callable[..., None]]:
    """Let the application work until a condition holds; fails after some seconds."""

    def wait(condition: Callable[[], Any], seconds: float = 20.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not happen in time"
            slicer.app.processEvents()
            time.sleep(0.001)

    yield wait
