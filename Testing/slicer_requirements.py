"""What the environment of `make test-slicer-packages` has beside the packages of Slicer; prints it, or compares it.

python Testing/slicer_requirements.py            one requirement a line, for pip
python Testing/slicer_requirements.py --check    fails where a package of Slicer is installed in another version
"""

from __future__ import annotations

import ast
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ROOT / "Testing" / "slicer_packages.txt"
INSTALLATION = ROOT / "VistaSegExtension" / "VistaSeg" / "VistaSegLib" / "Installation.py"
TEST_TOOLS = ("pytest", "hypothesis", "pytest-timeout")
# Slicer's own nodes and logics, and a Qt for the panel, without a Slicer.
HOST = ("slicer-core>=5.13", "PySide6-Essentials>=6.8,!=6.12.0")


def requirements() -> list[str]:
    """Of the models and of the export, as the panel's Install fetches them; of the tests; of the test host."""
    asked = [*constant("REQUIREMENTS").values(), *constant("EXPORT_REQUIREMENTS").values()]
    return [f"torch{constant('TORCH')}", *asked, *TEST_TOOLS, *HOST]


def constant(name: str):
    """A constant of `Installation`, which cannot be imported without Slicer."""
    for node in ast.parse(INSTALLATION.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and any(isinstance(one, ast.Name) and one.id == name for one in node.targets):
            return ast.literal_eval(node.value)
    raise KeyError(name)


def shipped() -> dict[str, str]:
    """Package → version, of those that Slicer ships."""
    lines = PACKAGES.read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def differences() -> list[str]:
    """Packages of Slicer that are missing here, or there in another version; a line each."""
    return [f"{name} {there}, not {pin}" for name, pin in shipped().items() if (there := _installed(name)) != pin]


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit("\n".join(differences()) or 0)
    print("\n".join(requirements()))
