"""What CMake installs is all there is, and what it names exists; installed, the panel finds its engine."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
MODULES = sorted(path.parent for path in (ROOT / "VistaSegExtension").glob("*/CMakeLists.txt"))
ENGINE = ROOT / "Logic"
NOT_INSTALLED = ("vistaseg/cli/", "README.md", "screenshots/")


def listed(file: Path, name: str) -> set[str]:
    """Entries of `set(name …)`."""
    found = re.search(rf"set\({name}\s+(.*?)\)", file.read_text(encoding="utf-8"), re.DOTALL)
    assert found, f"{file} sets no {name}"
    return {entry.replace("${MODULE_NAME}", file.parent.name) for entry in found[1].split()}


def present(folder: Path, *patterns: str) -> set[str]:
    """Files below a folder, relative to it."""
    paths = {path for pattern in patterns for path in folder.rglob(pattern) if path.is_file()}
    return {path.relative_to(folder).as_posix() for path in paths if "__pycache__" not in path.parts}


@pytest.mark.parametrize("module", MODULES, ids=[module.name for module in MODULES])
def test_every_file_of_a_module_is_listed(module):
    assert listed(module / "CMakeLists.txt", "MODULE_PYTHON_SCRIPTS") == present(module, "*.py")
    resources = {f"Resources/{name}" for name in present(module / "Resources", "*")}
    assert listed(module / "CMakeLists.txt", "MODULE_PYTHON_RESOURCES") == resources


def test_every_file_of_the_engine_is_listed():
    scripts = {name for name in present(ENGINE, "*.py") if not name.startswith(NOT_INSTALLED)}
    assert listed(ENGINE / "CMakeLists.txt", "ENGINE_SCRIPTS") == scripts
    resources = {name for name in present(ROOT / "Resources", "*") if not name.startswith(NOT_INSTALLED)}
    assert listed(ENGINE / "CMakeLists.txt", "ENGINE_RESOURCES") == resources


def test_every_module_is_added():
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    assert MODULES
    for folder in (*MODULES, ENGINE):
        assert f"add_subdirectory({folder.relative_to(ROOT).as_posix()})" in text


def test_an_installed_engine_is_found(tmp_path):
    """Laid out as the install rules do it."""
    for name in listed(ENGINE / "CMakeLists.txt", "ENGINE_SCRIPTS"):
        copy(ENGINE / name, tmp_path / "VistaSegEngine" / name)
    for name in listed(ENGINE / "CMakeLists.txt", "ENGINE_RESOURCES"):
        copy(ROOT / "Resources" / name, tmp_path / "VistaSegEngine" / "vistaseg" / "resources" / name)
    for name in ("__init__.py", "Engine.py"):
        copy(ROOT / "VistaSegExtension" / "VistaSeg" / "VistaSegLib" / name, tmp_path / "VistaSegLib" / name)
    code = "import VistaSegLib, vistaseg\nfrom vistaseg import catalog\nprint(vistaseg.__file__, catalog.get(1).name)"
    command = [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{code}"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert "VistaSegEngine" in result.stdout and "liver" in result.stdout


def copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
