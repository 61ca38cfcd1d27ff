"""Slicer's Python is enough, with what the panel's Install adds to it; and Install changes nothing that is there."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions, version
from pathlib import Path
from subprocess import run

import pytest

pytest.importorskip("qt", reason="no Qt: see CONTRIBUTING.md for the libraries that it needs")
import slicer.packaging
import slicer_requirements
from host import module_manager

module_manager.load("VistaSeg")
from VistaSegLib import Installation

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = {
    "vistaseg": ROOT / "Logic",
    "VistaSegLib": ROOT / "VistaSegExtension" / "VistaSeg",
    "SegmentEditorVistaSegLib": ROOT / "VistaSegExtension" / "SegmentEditorVistaSeg",
}
ENTRIES = [path for folder in list(FOLDERS.values())[1:] for path in folder.rglob("*.py")]
# Modules of the application; torch comes with the extension PyTorch.
OF_SLICER = {"slicer", "vtk", "qt", "ctk", "SampleData", "SegmentEditorEffects", "PyTorchUtils", "torch"}
OF_SLICER |= {"qSlicerSegmentationsEditorEffectsPythonQt"}
# What other programs of the engine use. The panel shares files with them, but gets to none of these lines.
NOT_REACHED = {
    "nrrd": "files that are read and written without Slicer",
    "pynetdicom": "files that are sent to a PACS on the command line; Slicer sends by its own DICOM module",
}


def test_whatever_is_imported_is_shipped_by_slicer_or_asked_for():
    asked = {*Installation.REQUIREMENTS, *Installation.EXPORT_REQUIREMENTS}
    known = OF_SLICER | modules_of_slicer() | asked | set(sys.stdlib_module_names) | set(NOT_REACHED)
    missing = {name: where for name, where in imported().items() if name not in known}
    assert not missing, f"List them in Installation.REQUIREMENTS: {missing}"


def test_nothing_is_asked_for_that_nobody_imports():
    """Decoders are found by pydicom, and einops by MONAI."""
    asked = {*Installation.REQUIREMENTS, *Installation.EXPORT_REQUIREMENTS}
    assert asked - set(imported()) <= {"einops", "pylibjpeg", "openjpeg"}


def test_every_requirement_has_room_for_the_version_that_slicer_ships():
    from packaging.requirements import Requirement

    shipped = {name.lower(): pin for name, pin in slicer_requirements.shipped().items()}
    for text in slicer_requirements.requirements():
        one = Requirement(text)
        pin = shipped.get(one.name.lower())
        assert pin is None or one.specifier.contains(pin), f"{text}, but Slicer ships {pin}"


def test_installing_keeps_the_version_of_every_package(monkeypatch, asked):
    Installation.install()
    Installation.installForExport()
    assert len(asked) == 2
    for lines in asked:
        assert f"numpy=={version('numpy')}" in lines and f"pydicom=={version('pydicom')}" in lines
        assert all(line.count("==") == 1 for line in lines)


def test_a_package_in_a_version_that_does_not_do_is_named_and_nothing_is_asked_for(monkeypatch, asked):
    monkeypatch.setitem(Installation.REQUIREMENTS, "numpy", "numpy>=99")
    with pytest.raises(Installation.InstallationError, match=rf"numpy {version('numpy')}.*numpy>=99"):
        Installation.install()
    assert asked == []


def test_a_missing_slicer_is_told_in_one_line():
    result = run(["make", "--silent", "test-slicer", "SLICER="], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert result.returncode != 0
    assert result.stderr.splitlines()[0].endswith("make test-slicer SLICER=/path/to/Slicer")


@pytest.fixture
def asked(monkeypatch) -> list[list[str]]:
    """The lines of each file of constraints that `pip_ensure` is given."""
    calls: list[list[str]] = []

    def pip_ensure(_requirements, constraints, requester):
        calls.append(Path(constraints).read_text(encoding="utf-8").splitlines())

    monkeypatch.setattr(slicer.packaging, "pip_ensure", pip_ensure)
    monkeypatch.setattr(Installation, "_installTorch", lambda: None)
    return calls


def modules_of_slicer() -> set[str]:
    """Modules of the packages that Slicer ships."""
    of = {}
    for module, names in packages_distributions().items():
        for name in names:
            of.setdefault(name.lower(), set()).add(module)
    names = [name.lower() for name in slicer_requirements.shipped()]
    return {module for name in names for module in of.get(name, {name.replace("-", "_")})}


@cache
def imported() -> dict[str, str]:
    """Foreign packages that panel and effect can come to import, and the first file that does."""
    found: dict[str, str] = {}
    todo, seen = list(ENTRIES), set()
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        seen.add(path)
        for name in names_imported(path):
            files = files_of(name)
            todo.extend(files)
            if not files and name.split(".")[0] not in FOLDERS:
                found.setdefault(name.split(".")[0], path.relative_to(ROOT).as_posix())
    return found


def names_imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def files_of(name: str) -> list[Path]:
    """Files that an import of our own runs: of each package on the way, and of the module."""
    parts = name.split(".")
    if parts[0] not in FOLDERS:
        return []
    found = []
    for end in range(1, len(parts) + 1):
        path = FOLDERS[parts[0]].joinpath(*parts[:end])
        found.extend(file for file in (path / "__init__.py", path.with_suffix(".py")) if file.is_file())
    return found
