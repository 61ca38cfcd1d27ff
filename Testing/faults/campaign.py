"""The campaign: mutated inputs over all readers, and too little memory and disk, each judged; prints a table."""

from __future__ import annotations

import argparse
import datetime
import json
import logging
import random
import shutil
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from faults import commands, dicom_scans, documents, exhaustion, results, scans, worker
from faults.judge import Case, Verdict, verdict

SEED = 20261130
GROUPS: dict[str, Callable[[int], Iterator[Case]]] = {
    "nifti": scans.nifti_cases,
    "itk": scans.itk_cases,
    "dicom": dicom_scans.scan_cases,
    "results": results.result_cases,
    "documents": documents.document_cases,
    "commands": commands.command_cases,
    "exhaustion": exhaustion.exhaustion_cases,
}
FEW = 10
"""With less cases of each reader than this, not every writer is followed to know where it allocates and writes."""
_TABLE = ("<!-- table -->", "<!-- end of table -->")


def some_of(cases: Iterable[Case], count: int, seed: int) -> list[Case]:
    """At most this many of each reader, drawn by the seed."""
    groups: dict[str, list[Case]] = {}
    for case in cases:
        groups.setdefault(case.reader, []).append(case)
    draw = random.Random(seed)
    return [case for group in groups.values() for case in draw.sample(group, min(count, len(group)))]


def judged(case: Case) -> tuple[Verdict, str, float]:
    """The verdict on a case, why, and seconds."""
    folder = Path(tempfile.mkdtemp(prefix="faults-case-"))
    try:
        case.make(folder)
        outcome = worker.attempt(partial(case.run, folder))
        return (*verdict(case, folder, outcome), outcome.seconds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def quiet() -> None:
    """Import what is needed, and let pydicom say nothing of values that are meant to be odd."""
    worker.prepare()
    warnings.simplefilter("ignore")
    logging.getLogger("pydicom").setLevel(logging.ERROR)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--groups", default=",".join(GROUPS), help=f"of {', '.join(GROUPS)}")
    parser.add_argument("--each", type=int, help="at most so many cases of each reader; exhaustion in full")
    parser.add_argument("--only", default="", help="cases whose reader and name contain this")
    parser.add_argument("--show", action="store_true", help="every case")
    parser.add_argument("--write", type=Path, help="put the table into this document")
    parser.add_argument("--json", type=Path, help="write the counts of each reader")
    asked = parser.parse_args()
    print(f"seed {asked.seed}")
    quiet()
    begun = time.monotonic()
    counts: dict[str, Counter[Verdict]] = {}
    wrong: list[str] = []
    for group in asked.groups.split(","):
        before = set(counts)
        few = group == "exhaustion" and asked.each is not None and asked.each < FEW
        cases: Iterable[Case] = exhaustion.exhaustion_cases(asked.seed, few=True) if few else GROUPS[group](asked.seed)
        cases = [case for case in cases if asked.only.lower() in f"{case.reader}: {case.name}".lower()]
        whole = asked.each is None or (group == "exhaustion" and not few)
        for case in cases if whole else some_of(cases, asked.each, asked.seed):
            found, reason, seconds = judged(case)
            counts.setdefault(case.reader, Counter())[found] += 1
            if found is Verdict.WRONG:
                wrong.append(f"- wrong: {case.reader}: {ascii(case.name)[1:-1]}")
            if asked.show or found is Verdict.WRONG:
                line = f"{found.value:16} {seconds:5.1f} s  {case.reader}: {case.name}  {reason}"
                print(line.encode("utf-8", "backslashreplace").decode(), flush=True)
        print(
            *table({reader: count for reader, count in counts.items() if reader not in before})[2:-1],
            sep="\n",
            flush=True,
        )
    rows = table(counts)
    print(*rows, f"{time.monotonic() - begun:.0f} s", sep="\n")
    if asked.json is not None:
        asked.json.write_text(json.dumps({r: {v.value: n for v, n in c.items()} for r, c in counts.items()}), "utf-8")
    if asked.write is not None:
        put_table(asked.write, [*rows, "", *wrong], asked.seed)
    sys.exit(any(count[Verdict.WRONG] for count in counts.values()))


def table(counts: dict[str, Counter[Verdict]]) -> list[str]:
    """The table in Markdown, with a row for each reader."""
    rows = ["| reader | tried | right | refused by name | wrong |", "|---|---|---|---|---|"]
    total = sum(counts.values(), Counter[Verdict]())
    for reader, count in [*counts.items(), ("**in all**", total)]:
        numbers = (sum(count.values()), *(count[one] for one in Verdict))
        rows.append(f"| {reader} | {' | '.join(map(str, numbers))} |")
    return rows


def put_table(path: Path, rows: list[str], seed: int) -> None:
    """Replace the table of a document, and say when it was made."""
    begin, end = _TABLE
    before, _, rest = path.read_text("utf-8").partition(begin)
    after = rest.partition(end)[2]
    made = f"Made on {datetime.date.today().isoformat()} with the seed {seed}."
    path.write_text("\n".join([before + begin, made, "", *rows, end]) + after, "utf-8")


if __name__ == "__main__":
    main()
