"""Keeps None alive on Pythons that count references to it.

PySide6's wheels are built for Python 3.12 and later, where None is not counted; before, each call that returns nothing
takes one reference away, and after some hundred thousand the interpreter ends itself.
"""

from __future__ import annotations

import ctypes
import sys

ENOUGH = 1 << 60


def keep_none() -> None:
    """Give None more references than a process can use up."""
    if sys.version_info < (3, 12):
        ctypes.c_ssize_t.from_address(id(None)).value += ENOUGH
