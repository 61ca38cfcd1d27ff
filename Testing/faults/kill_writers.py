"""Kills between every two file operations of everything that writes: `make kills`; Linux alone.

Prints a line for each writer: kills, and after how many of them something was wrong, which ends it with code 1.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
import traceback
from pathlib import Path

from kills import kill_everywhere
from writers import Writer, all_writers


def main() -> int:
    """Kill each writer over nothing and over an older result."""
    total = wrong = 0
    with tempfile.TemporaryDirectory(prefix="vistaseg-faults-") as folder:
        place = Path(folder)
        (place / "read").mkdir()
        for writer in all_writers(place / "read"):
            for first in (0, 1):
                kills = _kill(writer, place / "killed" / writer.name.replace("/", "") / str(first), first)
                print(f"{writer.name:24} over {'an older result' if first else 'nothing':16}", _said(kills), flush=True)
                total, wrong = total + (kills or 0), wrong + (kills is None)
    print(f"{total} kills, {wrong} writers wrong")
    return 1 if wrong else 0


def _kill(writer: Writer, place: Path, first: int) -> int | None:
    """How many kills; None where something was wrong."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return kill_everywhere(writer, place, first)
    except Exception:
        traceback.print_exc()
        return None


def _said(kills: int | None) -> str:
    return "WRONG" if kills is None else f"{kills:4} kills, old or new after each"


if __name__ == "__main__":
    sys.exit(main())
