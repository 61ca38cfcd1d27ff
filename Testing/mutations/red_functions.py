"""A plugin of pytest: test functions that fail, each once, into a file; whose other parameters are left out then."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_RED: dict[str, None] = {}
_FILE, _MOST = Path(os.environ["RED_FUNCTIONS"]), int(os.environ["MOST_RED_FUNCTIONS"])


def _function(node_id: str) -> str:
    return node_id.split("[")[0].removeprefix("Testing/Python/")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if _function(item.nodeid) in _RED:
        pytest.skip("red already")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.failed:
        _RED[_function(report.nodeid)] = None
        _FILE.write_text("\n".join(_RED))


def pytest_runtest_teardown(item: pytest.Item) -> None:
    if len(_RED) >= _MOST:
        item.session.shouldstop = "enough"
