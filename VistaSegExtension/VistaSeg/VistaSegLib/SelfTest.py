"""The module's self test: the tests of the source tree, inside this Slicer."""

from __future__ import annotations

import unittest
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

RUNNER = Path(__file__).resolve().parents[3] / "Testing" / "run_in_slicer.py"


def runTests() -> None:
    """Run them.

    Raises:
        unittest.SkipTest: the module was installed without its tests.
        AssertionError: one failed; the Python console says which.
    """
    if not RUNNER.is_file():
        raise unittest.SkipTest("The tests of VistaSeg are in its source tree: load the module from there.")
    spec = spec_from_file_location("run_in_slicer", RUNNER)
    assert spec is not None and spec.loader is not None
    runner = module_from_spec(spec)
    spec.loader.exec_module(runner)
    status = runner.run([])
    assert status == 0, f"pytest ended with {status}: see the Python console."
