"""Right, refused by name, or wrong: what a mutated input may lead to."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from faults.worker import BYTES, Outcome

DOCUMENTED = {0, 2, 3, 4, 5, 6, 130}


class Verdict(str, Enum):
    """Of a case."""

    RIGHT = "right"
    REFUSED = "refused by name"
    WRONG = "wrong"


@dataclass(frozen=True)
class Case:
    """A mutated input.

    Attributes:
        reader: row of the table.
        name: what was changed.
        make: writes the input into an empty folder.
        run: of the same folder, in a process of its own: a command, or a function whose result `accept` sees.
        accept: why a result is not right, or "".
        names: a refusal has to contain one of these.
        codes: documented exit codes of it.
        short: whether memory is made to run out.
        after: why what a refusal leaves behind is not right, or "".
    """

    reader: str
    name: str
    make: Callable[[Path], None]
    run: Callable[[Path], Any]
    accept: Callable[[Path, Outcome], str]
    names: Sequence[str] = ()
    codes: frozenset[int] = field(default_factory=lambda: frozenset(DOCUMENTED))
    after: Callable[[Path], str] = lambda folder: ""
    short: bool = False


def verdict(case: Case, folder: Path, outcome: Outcome) -> tuple[Verdict, str]:
    """The verdict on a case, and why."""
    fault = _fault(outcome, case)
    if fault:
        return Verdict.WRONG, fault
    if outcome.code == 0 or (outcome.code == 1 and 1 in case.codes):
        reason = case.accept(folder, outcome)
        return (Verdict.WRONG, reason) if reason else (Verdict.RIGHT, "")
    said = re.sub(r"\s+", " ", outcome.stderr)
    if case.names and not any(name.lower() in said.lower() for name in case.names):
        return Verdict.WRONG, f"refused without naming {' or '.join(case.names[:3])}: {said[-300:]}"
    left = case.after(folder)
    if left:
        return Verdict.WRONG, f"{left}; {said[-200:]}"
    return Verdict.REFUSED, said[-300:]


def _fault(outcome: Outcome, case: Case) -> str:
    if outcome.timed_out:
        return f"not done after {outcome.seconds:.0f} s"
    if outcome.signal:
        return f"ended by signal {outcome.signal}"
    if "Traceback (most recent call last)" in outcome.stderr:
        return f"traceback: {outcome.stderr.strip().splitlines()[-1][:300]}"
    if outcome.code not in case.codes:
        return f"exit code {outcome.code}: {outcome.stderr[-200:]}"
    if outcome.code == 5 and not case.short and "Memory ran out" in outcome.stderr:
        return f"took over {BYTES >> 30} GB"
    if outcome.peak > BYTES:
        return f"took {outcome.peak / 2**30:.1f} GB"
    if outcome.code not in (0, 1) and not outcome.stderr.strip():
        return "refused in silence"
    return ""
