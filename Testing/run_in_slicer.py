"""Run the tests of the extension and of its bridge to MRML inside a Slicer; its exit status is that of the tests.

    Slicer --testing --no-splash \
        --additional-module-paths VistaSegExtension/VistaSeg VistaSegExtension/SegmentEditorVistaSeg \
        --python-script Testing/run_in_slicer.py [--install] [arguments of pytest]

`--install` lets Slicer's Python fetch pytest and what else the tests import; without it, what is missing is named.
"""

from __future__ import annotations

import importlib
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("Testing/Python/mrml", "Testing/Python/workspace", "Testing/Python/extension")
NEEDED = ("pytest", "hypothesis", "pytest_timeout")


def run(arguments: list[str]) -> int:
    """Exit status of pytest.

    Raises:
        RuntimeError: pytest is missing.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing and "--install" in arguments:
        _install(missing)
    elif missing:
        raise RuntimeError(f"Slicer's Python lacks {', '.join(missing)}: give --install to fetch them.")
    sys.path[:0] = [str(ROOT / "Testing"), str(ROOT / "Logic")]
    import pytest

    options = [argument for argument in arguments if argument != "--install"]
    chosen = [] if any(not option.startswith("-") for option in options) else [str(ROOT / name) for name in FOLDERS]
    return int(pytest.main(["--rootdir", str(ROOT), "-p", "no:cacheprovider", *options, *chosen]))


def _install(names: list[str]) -> None:
    import slicer.util

    slicer.util.pip_install([name.replace("_", "-") for name in names])
    importlib.invalidate_caches()


if __name__ == "__main__":
    import slicer.util

    slicer.util.exit(run(sys.argv[1:]))
