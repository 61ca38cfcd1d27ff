"""A plugin of pytest: test functions that fail, each once, into a file; whose other parameters are left out then.

A test that runs too long fails, and the others go on: without a bound, some would never end.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

_FILE, _MOST = Path(os.environ["RED_FUNCTIONS"]), int(os.environ["MOST_RED_FUNCTIONS"])
_SECONDS = int(os.environ["SECONDS_OF_A_TEST"])
_red: dict[str, None] = {}


class _TooLong(BaseException):
    """No test or program catches it."""


def pytest_runtest_setup(item: pytest.Item) -> None:
    if _function(item.nodeid) in _red:
        pytest.skip("red already")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[Any]:
    signal.signal(signal.SIGALRM, _stop)
    signal.alarm(_SECONDS)
    try:
        return (yield)
    except _TooLong:
        # Not with its own traceback, which pytest cannot always read.
        raise AssertionError(f"ran for more than {_SECONDS} s") from None
    finally:
        signal.alarm(0)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.failed:
        _red[_function(report.nodeid)] = None
        _FILE.write_text("\n".join(_red), encoding="utf-8")


def pytest_runtest_teardown(item: pytest.Item) -> None:
    if len(_red) >= _MOST:
        item.session.shouldstop = "enough"


def _function(node_id: str) -> str:
    return node_id.split("[")[0].removeprefix("Testing/Python/")


def _stop(*_: object) -> NoReturn:
    raise _TooLong
