"""Timing of work in turns, so that a machine that drifts does not favour one side."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Sequence

REPETITIONS = 3


def in_turns(works: dict[str, Callable[[], object]]) -> dict[str, list[float]]:
    """Seconds of each work, A B C A B C …, after one turn that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(REPETITIONS + 1):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            taken = time.perf_counter() - start
            print(f"{name}: {taken:.2f} s{'' if turn else ' (warm-up)'}", file=sys.stderr, flush=True)
            if turn:
                seconds[name].append(taken)
    return seconds


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> dict[str, float]:
    """Median, minimum and maximum of the ratio, turn by turn."""
    values = [a / b for a, b in zip(ours, theirs, strict=True)]
    return spread(values)


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, minimum and maximum."""
    found = {"median": statistics.median(values), "min": min(values), "max": max(values)}
    return {name: float(f"{value:.3g}") for name, value in found.items()}
