"""A folder for masks in which there are files already: none of another's is lost, and it is said before the work."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from vistaseg.models.vista3d import features


@pytest.fixture
def refused(vistaseg, results, monkeypatch):
    """Run `vistaseg segment SCAN -o RESULTS/ …`, expect wrong use without any work; returns the message."""

    def run(scan: Path, *options: object) -> str:
        before = {path.name: path.read_bytes() for path in results.iterdir()}
        monkeypatch.setattr(features, "window_features", lambda *_: pytest.fail("worked first"))
        done = vistaseg("segment", scan, "-o", f"{results}/", "--model", "demo", *options)
        assert done.code == 2, done.stderr
        assert {path.name: path.read_bytes() for path in results.iterdir()} == before
        return done.stderr

    return run


@pytest.mark.parametrize("options", [["--classes", "liver"], ["--classes", "spleen"], []])
def test_a_scan_with_the_name_of_a_mask_is_refused_before_it_is_read(refused, scan, results, monkeypatch, options):
    shutil.copy(scan, results / "liver.nii.gz")
    monkeypatch.setattr("vistaseg.volume.read_volume", lambda *_: pytest.fail("read first"))
    message = refused(results / "liver.nii.gz", *options)
    assert "has the name of a mask" in message and "choose another folder" in message


def test_the_table_of_another_program_is_refused_before_the_scan_is_read(refused, scan, results, monkeypatch):
    (results / "segments.json").write_text('[{"segment": 1}]')
    monkeypatch.setattr("vistaseg.volume.read_volume", lambda *_: pytest.fail("read first"))
    assert "segments.json would be overwritten" in refused(scan)


@pytest.mark.usefixtures("tiny_demo")
def test_the_mask_of_another_program_is_refused_before_the_work(refused, scan, results):
    (results / "liver.nii.gz").write_bytes(b"by hand")
    assert "liver.nii.gz would be overwritten" in refused(scan, "--classes", "liver, spleen")


@pytest.mark.usefixtures("tiny_demo")
def test_a_scan_of_another_name_may_lie_in_the_folder_and_a_result_be_made_again(vistaseg, scan, results):
    shutil.copy(scan, results / "ct.nii.gz")
    for _ in range(2):
        done = vistaseg("segment", results / "ct.nii.gz", "-o", results, "--model", "demo", "--classes", "liver")
        assert done.code == 0, done.stderr
    assert (results / "ct.nii.gz").read_bytes() == scan.read_bytes()
