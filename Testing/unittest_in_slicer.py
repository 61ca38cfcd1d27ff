"""The tests of the source tree as a unit test of Slicer, for CTest."""

from __future__ import annotations

import unittest

import run_in_slicer


class TestsOfTheSourceTree(unittest.TestCase):
    def test_all(self) -> None:
        self.assertEqual(run_in_slicer.run([]), 0, "see the output of pytest above")
