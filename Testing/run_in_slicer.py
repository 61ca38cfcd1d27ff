"""Run the tests of the extension and of its bridge to MRML inside a Slicer; its exit status is that of the tests.

    Slicer --testing --no-splash \
        --additional-module-paths VistaSegExtension/VistaSeg VistaSegExtension/SegmentEditorVistaSeg \
        --python-script Testing/run_in_slicer.py [--install] [arguments of pytest]

`--install` lets Slicer's Python fetch pytest, and what the panel's own Install fetches; without it, what is missing is
named.
"""

from __future__ import annotations

import importlib
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("Testing/Python/mrml", "Testing/Python/workspace", "Testing/Python/extension")
# Module that shows that it is there: requirement.
TEST_REQUIREMENTS = {"pytest": "pytest", "hypothesis": "hypothesis", "pytest_timeout": "pytest-timeout"}


def run(arguments: list[str]) -> int:
    """Exit status of pytest.

    Raises:
        RuntimeError: pytest, or a package that the models need, is missing.
    """
    sys.path[:0] = [str(ROOT / name) for name in ("Testing", "Logic", "VistaSegExtension/VistaSeg")]
    missing = {name: text for name, text in _requirements().items() if find_spec(name) is None}
    if missing and "--install" in arguments:
        _install(list(missing.values()))
    elif missing:
        raise RuntimeError(f"Slicer's Python lacks {', '.join(missing)}: give --install to fetch them.")
    import pytest

    options = [argument for argument in arguments if argument != "--install"]
    chosen = [] if any(not option.startswith("-") for option in options) else [str(ROOT / name) for name in FOLDERS]
    return int(pytest.main(["--rootdir", str(ROOT), "-p", "no:cacheprovider", *options, *chosen]))


def _requirements() -> dict[str, str]:
    """What the tests need beside Slicer; without the models' packages the panel can only install them."""
    from VistaSegLib import Installation

    needed = {**Installation.REQUIREMENTS, **Installation.EXPORT_REQUIREMENTS}
    return {**TEST_REQUIREMENTS, "torch": f"torch{Installation.TORCH}", **needed}


def _install(requirements: list[str]) -> None:
    import slicer.packaging

    from VistaSegLib.Installation import constraintsOfInstalled

    with constraintsOfInstalled() as constraints:
        slicer.packaging.pip_install(requirements, constraints=constraints)
    importlib.invalidate_caches()
    # What is missing was looked up once.
    from VistaSegLib.Installation import missingPackages

    missingPackages.cache_clear()


if __name__ == "__main__":
    import slicer.util

    slicer.util.exit(run(sys.argv[1:]))
