"""Files that are written together, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vistaseg.errors import CancelledError, UsageError
from vistaseg.io import staged


def test_files_and_folders_arrive_together(tmp_path):
    with staged(tmp_path) as staging:
        (staging / "images").mkdir()
        (staging / "images" / "1.dcm").write_bytes(b"1")
        (staging / "seg.dcm").write_bytes(b"2")
        assert not (tmp_path / "seg.dcm").exists()
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.dcm")) == ["images/1.dcm", "seg.dcm"]
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("error", [CancelledError("stop"), ValueError("broken")])
def test_nothing_is_left_of_what_failed(tmp_path, error):
    with pytest.raises(type(error)), staged(tmp_path) as staging:
        (staging / "seg.dcm").write_bytes(b"half")
        raise error
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_not_replaced(tmp_path):
    (tmp_path / "seg.dcm").write_bytes(b"old")
    with pytest.raises(UsageError, match=r"seg\.dcm"), staged(tmp_path) as staging:
        (staging / "a.csv").write_bytes(b"new")
        (staging / "seg.dcm").write_bytes(b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["seg.dcm"]
    assert (tmp_path / "seg.dcm").read_bytes() == b"old"


def test_a_move_that_fails_takes_the_others_back(tmp_path, monkeypatch):
    move = os.replace

    def failing(source: Path, target: Path) -> None:
        if Path(target).name == "b" and Path(target).parent == tmp_path:
            raise OSError(28, "No space left on device")
        move(source, target)

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(UsageError, match="No room"), staged(tmp_path) as staging:
        (staging / "a").write_bytes(b"1")
        (staging / "b").write_bytes(b"2")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_said(tmp_path):
    with pytest.raises(UsageError, match="does not exist"), staged(tmp_path / "gone"):
        pass
