"""`vistaseg doctor`: a report on the screen, in a file, and an exit code that says whether all is well."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]


@pytest.fixture(autouse=True)
def nothing_installed(tiny_demo: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISTASEG_HOME", str(tmp_path / "home"))


def test_a_machine_without_weights_is_well(vistaseg: Command, results: Path) -> None:
    done = vistaseg("doctor", "-o", results / "doctor.json", "--device", "cpu")
    assert done.code == 0, done.stderr
    assert "note   weights vista3d: VISTA3D is not installed." in done.stdout
    report = json.loads((results / "doctor.json").read_text())
    assert report["format"] == "vistaseg doctor 1" and report["failed"] == []
    assert {"software", "device", "memory", "combination"} <= {check["name"] for check in report["checks"]}


def test_a_ct_is_segmented_and_its_sides_are_told(vistaseg: Command, scan: Path) -> None:
    done = vistaseg("doctor", "--ct", scan, "--model", "demo", "--json", "--device", "cpu", "--precision", "fp32")
    checks = {check["name"]: check for check in done.json["checks"]}
    assert {"window demo", "padding demo", "record demo", "sides demo"} <= set(checks)
    assert checks["padding demo"]["state"] == "ok" and checks["record demo"]["state"] == "note"


def test_what_is_not_well_is_named_and_gives_an_exit_code(vistaseg: Command, tmp_path: Path, results: Path) -> None:
    folder = tmp_path / "home" / "weights" / "vista3d"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"cut off")
    done = vistaseg("doctor", "-o", results / "doctor.json", "--device", "cpu")
    assert done.code == 4 and "Not all is well: weights vista3d." in done.stderr
    assert json.loads((results / "doctor.json").read_text())["failed"] == ["weights vista3d"]


def test_a_report_that_cannot_be_written_is_refused_before_the_work(vistaseg: Command, results: Path) -> None:
    done = vistaseg("doctor", "-o", results / "missing" / "doctor.json")
    assert done.code == 2 and "does not exist" in done.stderr and not done.stdout
