"""Waiting in a test for what takes a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def wait_until(condition: Callable[[], Any], work: Callable[[], Any], seconds: float = 20.0) -> None:
    """Have the host work on until a condition holds.

    Args:
        work: what the host does in between, as `slicer.app.processEvents`.

    Raises:
        AssertionError: it does not hold in time.
    """
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        work()
        time.sleep(0.001)
