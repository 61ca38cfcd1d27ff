"""What a user waits for before anything is seen: packages that the first moment must not import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from frozen_calls import FROZEN

from vistaseg.cli.main import COMMANDS

LOGIC = Path(__file__).parents[3] / "Logic"
SLOW = {"torch", "monai", "numpy", "scipy", "rich", "SimpleITK", "nibabel", "pydicom", "highdicom", "matplotlib"}
COMPILER = {"torch._dynamo", "torch._inductor", "sympy", "torch.fx.experimental.symbolic_shapes"}
SCAN = FROZEN / "input" / "scan.nii.gz"
AT_FIRST_LINE = """
class Screen:
    def write(self, text):
        report()
        os._exit(0)
    def flush(self):
        pass
    def isatty(self):
        return True
sys.stderr = Screen()
"""


def imported(code: str, *arguments: object) -> set[str]:
    """Modules that a new process has imported when it calls `report()`, or at its end."""
    lines = (
        "import atexit, json, os, sys",
        "def report():",
        "    os.write(2, json.dumps(sorted(sys.modules)).encode())",
        code,
    )
    environment = os.environ | {"PYTHONPATH": str(LOGIC)}
    command = [sys.executable, "-c", "\n".join(lines), *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120)
    return set(json.loads(done.stderr))


def test_importing_the_package_imports_nothing_else():
    found = imported("import vistaseg\nreport()")
    assert not found & SLOW and {name for name in found if name.startswith("vistaseg.")} <= {"vistaseg.api"}


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_imports_no_command_and_no_library(arguments):
    found = imported("from vistaseg.cli.main import main\natexit.register(report)\nmain()", *arguments)
    assert "vistaseg.cli.main" in found
    assert not found & (SLOW | {f"vistaseg.cli.{name}" for name in COMMANDS})


def test_the_first_line_of_segment_waits_for_no_library(tmp_path):
    arguments = ("segment", SCAN, "-o", tmp_path / "a.seg.nrrd", "--model", "demo")
    found = imported(f"{AT_FIRST_LINE}\nfrom vistaseg.cli.main import main\nmain()", *arguments)
    assert "vistaseg.cli.segment" in found and not found & SLOW


LOADING = """
sys.modules["transformers"] = None  # for tests only; MONAI imports it where it is installed
from vistaseg.compute import choose_compute
from vistaseg.models.registry import load_model
load_model(sys.argv[1], choose_compute("cpu", "fp32"))
report()
"""


@pytest.mark.parametrize("key", ["demo", "segvol-demo"])
def test_a_model_is_loaded_without_the_compiler_of_pytorch(key):
    """Filling parameters on the meta device would import it: as much time as loading the model."""
    found = imported(LOADING, key)
    assert "torch" in found and not found & COMPILER


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_found_and_has_help(name, vistaseg):
    done = vistaseg(name, "--help")
    assert done.code == 0 and f"vistaseg {name}" in done.stdout


def test_a_mistyped_command_is_answered_with_the_right_one(vistaseg):
    done = vistaseg("segmnt")
    assert done.code == 2 and "segmnt" in done.stderr and "segment" in done.stderr
