"""What runs that were killed left in the store of weights, and what living ones are busy with."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from kills import kill_at, operations

from vistaseg.errors import UsageError, WeightsError
from vistaseg.io.owner import new_mark, own_name
from vistaseg.weights import WeightsState, fetch, find_entry, import_file, installed_path, remove, status, verify

ENTRY = find_entry("vista3d")


@pytest.fixture
def ended() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.fixture
def incoming(home, ended) -> dict[str, Path]:
    """Folders of runs that bring a file: of one that was killed, of this one, and of earlier versions."""
    host, _, start, unique = new_mark().split("-")
    marks = {"killed": f"{host}-{ended:x}-{start}-{unique}", "living": new_mark(), "former": "123-0a1b2c3d"}
    folders = {name: home / "weights" / f".incoming-vista3d.{mark}" for name, mark in marks.items()}
    folders["fresh former"] = home / "weights" / ".incoming-segvol.124-0a1b2c3d"
    folders["resumable"] = home / "weights" / ".incoming-segvol"
    for folder in folders.values():
        folder.mkdir(parents=True)
        (folder / "model.pt").write_bytes(b"872 MB")
    os.utime(folders["former"], (1, 1))
    return folders


def test_the_next_run_removes_what_killed_ones_brought_and_leaves_what_living_ones_bring(incoming):
    with pytest.raises(WeightsError, match="not installed"):
        installed_path(ENTRY)
    there = {name for name, folder in incoming.items() if folder.exists()}
    assert there == {"living", "fresh former", "resumable"}


def test_weights_that_are_brought_make_an_unfinished_download_of_them_needless(home, checkpoint, shapes):
    resumable = [home / "weights" / f".incoming-{key}" for key in ("vista3d", "segvol")]
    for folder in resumable:
        folder.mkdir(parents=True)
    import_file(ENTRY, checkpoint, shapes)
    assert [folder.exists() for folder in resumable] == [False, True]


def test_a_download_that_another_run_is_busy_with_is_said(home, monkeypatch):
    resumable = home / "weights" / ".incoming-vista3d"
    resumable.mkdir(parents=True)
    (resumable / own_name("lock")).write_text('{"pid": 7, "host": "other", "since": "today", "key": ""}')
    monkeypatch.setattr("vistaseg.io.locks._LOCK_WAIT_SECONDS", 0)
    with pytest.raises(UsageError, match="in use by another run .process 7 on other, since today"):
        fetch(ENTRY, ENTRY.license.name)


@pytest.mark.skipif(sys.platform != "linux", reason="kills need a process that can be copied")
def test_a_kill_at_any_moment_of_an_import_leaves_the_old_or_the_new_weights(home, checkpoint, shapes, state, tmp_path):
    def bring(path: Path) -> None:
        import_file(ENTRY, path, shapes)

    other = tmp_path / "other.pt"
    torch.save({name: tensor + 1 for name, tensor in state.items()}, other)
    bring(checkpoint)
    old = status(ENTRY).sha256
    shutil.copytree(home, tmp_path / "before")
    steps = operations(lambda: bring(other), home)
    new, seen = status(ENTRY).sha256, set()
    for number in range(len(steps)):
        shutil.rmtree(home)
        shutil.copytree(tmp_path / "before", home)
        kill_at(lambda: bring(other), home, number)
        assert status(ENTRY).state is WeightsState.INSTALLED, steps[number]
        seen.add(verify(ENTRY).sha256)
        bring(other)
        assert verify(ENTRY).sha256 == new
        assert sorted(path.name for path in home.rglob("*") if path.is_file()) == ["model.pt", "record.json"]
    assert seen == {old, new}


@pytest.mark.skipif(sys.platform != "linux", reason="kills need a process that can be copied")
def test_a_kill_at_any_moment_of_a_removal_leaves_all_or_nothing(home, checkpoint, shapes, tmp_path):
    import_file(ENTRY, checkpoint, shapes)
    shutil.copytree(home, tmp_path / "before")
    steps = operations(lambda: remove(ENTRY), home)
    for number in range(len(steps)):
        shutil.rmtree(home)
        shutil.copytree(tmp_path / "before", home)
        kill_at(lambda: remove(ENTRY), home, number)
        assert status(ENTRY).state in (WeightsState.INSTALLED, WeightsState.MISSING), steps[number]
        remove(ENTRY)
        assert not [path for path in home.rglob("*") if path.is_file()]
    assert len(steps) > 4
