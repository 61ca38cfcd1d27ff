"""Take one mechanism after the other out of a copy of the sources, and count the tests that notice.

    python Testing/mutations/run.py [--only WORDS] [--changed] [--write]

A mutation is noticed well where at least three test functions turn red; parameters of one function count once.
The table of results says of which state of the sources each row is: rows that were measured before are kept.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from table import MUTATIONS, Mutation

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).with_name("results.md")
ENOUGH = 3
SHOWN = 3
TEST_SECONDS = 90
ALL_SECONDS = 1800
MOST = 8
"""Red test functions after which a run is stopped."""
MEMORY_BYTES = 16 * 2**30
"""Of a run of tests: a bound that is taken out shall not take the machine with it."""

COPIED = ("Logic", "Resources", "Testing", "VistaSegExtension", "pyproject.toml", "CMakeLists.txt", "Makefile")
LINKED = (".cache", ".venv")


def main() -> int:
    """Run what was asked for; 1 where a mutation is noticed by fewer than `ENOUGH` tests."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="mutations with one of these words, parted by commas")
    parser.add_argument("--changed", action="store_true", help="of these, the ones whose source file was changed since")
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.name}, and keep the rows of the others")
    arguments = parser.parse_args()
    wanted = [word.strip().lower() for word in arguments.only.split(",") if word.strip()]
    chosen = [one for one in MUTATIONS if not wanted or any(word in one.mechanism.lower() for word in wanted)]
    if arguments.changed:
        known = known_rows()
        chosen = [one for one in chosen if not known.get(one.mechanism, "").endswith(f"| {state_of(one)} |")]
    red: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory(prefix="vistaseg-mutations-") as folder:
        tree = Path(folder) / "tree"
        copy_tree(tree)
        for mutation in chosen:
            found = red[mutation.mechanism] = noticed(mutation, tree)
            print(row(mutation, found), flush=True)
            if arguments.write:
                write_results(red)
    poor = [mechanism for mechanism, found in red.items() if len(found) < ENOUGH]
    print(f"{len(chosen) - len(poor)} of {len(chosen)} mutations are noticed by {ENOUGH} tests or more.")
    return 1 if poor else 0


def copy_tree(tree: Path) -> None:
    """Copy the sources; what is fetched or installed is linked."""
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=ignored)
        else:
            tree.mkdir(exist_ok=True)
            shutil.copy(source, tree / name)
    for name in LINKED:
        if (ROOT / name).exists():
            (tree / name).symlink_to((ROOT / name).resolve())


def noticed(mutation: Mutation, tree: Path) -> list[str]:
    """Names of the test functions that turn red without a mechanism.

    Raises:
        SystemExit: the sources do not have its text once, or pytest itself fails.
    """
    path = tree / mutation.file
    before = path.read_text(encoding="utf-8")
    count = before.count(mutation.text)
    if count != 1:
        sys.exit(
            f"{mutation.mechanism}: its text occurs {count} times in {mutation.file}. Mend Testing/mutations/table.py."
        )
    path.write_text(before.replace(mutation.text, mutation.replacement), encoding="utf-8")
    try:
        return run_tests(mutation, tree)
    finally:
        path.write_text(before, encoding="utf-8")


def run_tests(mutation: Mutation, tree: Path) -> list[str]:
    """The test functions that fail, each once."""
    names = tree.parent / "red.txt"
    names.write_text("")
    tests = [f"Testing/Python/{name}" for name in mutation.tests]
    command = [
        *(sys.executable, "-m", "pytest", "-q", "--tb=no", "-p", "no:cacheprovider", "-p", "red_functions"),
        *("--timeout=0", *tests),
    ]
    shared = os.environ.get("VISTASEG_TEST_DATA", str(ROOT.parent / "shared" / "data"))
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join((str(tree / "Logic"), str(tree / "Testing" / "mutations"))),
        "PYTHONDONTWRITEBYTECODE": "1",
        "RED_FUNCTIONS": str(names),
        "MOST_RED_FUNCTIONS": str(MOST),
        "SECONDS_OF_A_TEST": str(TEST_SECONDS),
        "VISTASEG_TEST_DATA": shared,
    }
    done = subprocess.run(
        command,
        cwd=tree,
        env=environment,
        timeout=ALL_SECONDS,
        capture_output=True,
        text=True,
        preexec_fn=_limit_memory,
    )
    red = names.read_text().splitlines()
    if done.returncode not in (0, 1) and len(red) < MOST:
        sys.exit(
            f"{mutation.mechanism}: pytest ended with {done.returncode}.\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        )
    return red


def _limit_memory() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def state_of(mutation: Mutation) -> str:
    """Eight digits that tell the mutation and the file that it changes from other states of them."""
    source = (ROOT / mutation.file).read_text(encoding="utf-8")
    return hashlib.sha256("\0".join((source, mutation.text, mutation.replacement)).encode()).hexdigest()[:8]


def row(mutation: Mutation, found: Sequence[str]) -> str:
    """A line of the table of results."""
    names = ", ".join(name.rpartition("::")[2] for name in found[:SHOWN])
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    count = f"{MOST} or more" if len(found) >= MOST else str(len(found))
    return f"| {mutation.mechanism} | {count} | {names}{more} | {state_of(mutation)} |"


def known_rows() -> dict[str, str]:
    """Mechanism → its line in the table of results."""
    lines = RESULTS.read_text(encoding="utf-8").splitlines() if RESULTS.exists() else []
    return {found[1]: line for line in lines if (found := re.match(r"\| (.*?) \| \d", line))}


def write_results(red: dict[str, list[str]]) -> None:
    """Write the table, with the rows of an earlier run for mutations that were not run now."""
    rows = known_rows()
    rows |= {one.mechanism: row(one, red[one.mechanism]) for one in MUTATIONS if one.mechanism in red}
    head = (
        "# Mutations\n\nEach mechanism was taken out of the sources, and the tests named in `table.py` were run: "
        "so many test functions turned red.\n\nMade with `make mutations`. The last column tells of which state of the "
        "mutated file a row is: `make mutations OPTIONS=--changed` measures those again whose file was changed.\n\n"
        "| Mechanism | Red | Tests | State |\n|---|---|---|---|\n"
    )
    known = [rows[one.mechanism] for one in MUTATIONS if one.mechanism in rows]
    RESULTS.write_text(head + "\n".join(known) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
