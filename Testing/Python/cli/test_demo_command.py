from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from vistaseg import segmentation
from vistaseg.resources import resource_path
from vistaseg.segmentation import read_segmentation

FILES = {"segmentation.seg.nrrd", "preview.png", "report.json"}


@pytest.mark.usefixtures("tiny_demo")
def test_it_writes_a_segmentation_a_picture_and_a_report_and_says_so(vistaseg, scan, tmp_path):
    folder = tmp_path / "new" / "demo"
    done = vistaseg("demo", scan, "-o", folder)
    assert done.code == 0, done.stderr
    assert {path.name for path in folder.iterdir()} == FILES
    assert all(str(folder / name) in done.stdout for name in FILES)
    report = json.loads((folder / "report.json").read_text())
    found = read_segmentation(folder / "segmentation.seg.nrrd")
    assert [row["name"] for row in report["segments"]] == [piece.name for piece in found.segments]
    assert report["output"] == str(folder / "segmentation.seg.nrrd")
    assert (folder / "preview.png").read_bytes().startswith(b"\x89PNG")
    assert "Tiny model: for tests." in done.stderr


@pytest.mark.usefixtures("tiny_demo")
def test_without_a_folder_it_writes_beside(vistaseg, scan, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert vistaseg("demo", scan).code == 0
    assert {path.name for path in (tmp_path / "demo-output").iterdir()} == FILES


@pytest.mark.usefixtures("tiny_demo")
def test_the_report_is_printed_for_programs(vistaseg, scan, results):
    done = vistaseg("demo", scan, "-o", results, "--json")
    assert done.json == json.loads((results / "report.json").read_text())
    assert {Path(done.json[key]).name for key in ("output", "preview", "report")} == FILES


def test_a_scan_that_cannot_be_used_leaves_no_folder(vistaseg, tmp_path):
    done = vistaseg("demo", tmp_path / "absent.nii", "-o", tmp_path / "demo")
    assert done.code == 3 and "No such file" in done.stderr
    assert not (tmp_path / "demo").exists()


@pytest.mark.usefixtures("tiny_demo")
def test_an_interruption_leaves_the_results_before(vistaseg, scan, results, monkeypatch):
    for name in FILES:
        (results / name).write_bytes(b"before")

    def press(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", press)
    done = vistaseg("demo", scan, "-o", results)
    assert done.code == 130 and "nothing was written" in done.stderr
    assert {path.name: path.read_bytes() for path in results.iterdir()} == dict.fromkeys(FILES, b"before")


def test_a_file_in_the_place_of_the_folder_is_wrong_use(vistaseg, scan, tmp_path):
    (tmp_path / "demo").write_text("mine")
    done = vistaseg("demo", scan, "-o", tmp_path / "demo")
    assert done.code == 2 and "cannot be written" in done.stderr
    assert (tmp_path / "demo").read_text() == "mine"


def test_an_empty_name_is_not_the_current_folder(vistaseg, scan, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    done = vistaseg("demo", scan, "-o", "")
    assert done.code == 2 and "No folder for the results was given" in done.stderr
    assert not list(Path.cwd().iterdir())


def test_a_folder_in_the_place_of_the_report_is_found_before_the_work(vistaseg, scan, results, monkeypatch):
    (results / "report.json").mkdir()
    monkeypatch.setattr("vistaseg.volume.read_volume", lambda *_: pytest.fail("worked first"))
    done = vistaseg("demo", scan, "-o", results)
    assert done.code == 2 and "report.json is a folder" in done.stderr
    assert [path.name for path in results.iterdir()] == ["report.json"]


@pytest.mark.usefixtures("tiny_demo")
def test_picture_and_report_are_on_the_disk_before_the_segmentation_is_written(vistaseg, scan, results, monkeypatch):
    genuine, sizes = segmentation.write_segmentation, []

    def look_first(*arguments: Any) -> None:
        sizes.extend(path.stat().st_size for path in results.glob(".vistaseg-*.partial"))
        genuine(*arguments)

    monkeypatch.setattr(segmentation, "write_segmentation", look_first)
    assert vistaseg("demo", scan, "-o", results).code == 0
    assert sorted(sizes) == sorted((results / name).stat().st_size for name in ("preview.png", "report.json"))


def test_the_model_in_the_box_runs_and_says_what_it_is_for(vistaseg, scan, tmp_path):
    try:
        resource_path("demo-model/model.safetensors")
    except FileNotFoundError:
        pytest.skip("the demo model is not here: make train-demo")
    done = vistaseg("demo", scan, "-o", tmp_path / "demo")
    assert done.code == 0, done.stderr
    report = json.loads((tmp_path / "demo" / "report.json").read_text())
    assert "not for reading scans" in report["notice"] and report["notice"] in done.stderr
