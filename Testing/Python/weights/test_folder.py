from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from vistaseg.errors import UsageError, WeightsError
from vistaseg.weights.folder import data_folder, read_json, weights_folder, write_json, writing_to
from vistaseg.weights.record import RECORD_FILE, make_record, read_record, write_record


def test_the_environment_variable_moves_the_data_folder(home):
    assert data_folder() == home
    assert weights_folder("vista3d") == home / "weights" / "vista3d"


def test_a_tilde_in_the_variable_is_the_home_folder(monkeypatch):
    monkeypatch.setenv("VISTASEG_HOME", "~/elsewhere")
    assert data_folder() == Path.home() / "elsewhere"


def test_without_the_variable_it_is_the_users_data_folder(monkeypatch):
    from platformdirs import user_data_dir

    monkeypatch.delenv("VISTASEG_HOME", raising=False)
    assert data_folder() == Path(user_data_dir("VistaSeg", appauthor=False))


@pytest.mark.parametrize(
    ("number", "words"), [(errno.EACCES, "no permission"), (errno.ENOSPC, "space"), (errno.EFBIG, "space")]
)
def test_a_folder_that_refuses_is_named_with_the_reason_and_a_way_out(home, monkeypatch, number, words):
    def refuse(self: Path, **_: object) -> None:
        raise OSError(number, os.strerror(number), str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(WeightsError, match=rf"{words}.*VISTASEG_HOME") as caught, writing_to(home):
        pytest.fail("nothing can be written here")
    assert str(home) in str(caught.value)


def test_an_interrupted_write_leaves_the_old_json(tmp_path, monkeypatch):
    path = tmp_path / "record.json"
    write_json(path, {"a": 1})

    def stop(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", stop)
    with pytest.raises(UsageError, match="disk full"):
        write_json(path, {"a": 2})
    assert read_json(path) == {"a": 1}


@pytest.mark.parametrize("content", ["", "{", "[1]", "\x00"])
def test_a_json_file_that_cannot_be_understood_counts_as_none(content, tmp_path):
    (tmp_path / "record.json").write_text(content)
    assert read_json(tmp_path / "record.json") is None


def test_a_record_that_is_nested_deep_or_has_a_list_for_a_number_vouches_for_nothing(tmp_path):
    path = tmp_path / RECORD_FILE
    (tmp_path / "model.pt").write_bytes(b"123")
    write_record(tmp_path, make_record(tmp_path / "model.pt", "00", "user", "here"))
    assert read_record(tmp_path) is not None
    sound = json.loads(path.read_text())
    for broken in (sound | {"size": [3]}, sound | {"file": ["model.pt"]}, sound | {"mtime_ns": 10**400}, [sound]):
        path.write_text(json.dumps(broken))
        assert read_record(tmp_path) is None
    path.write_text("[" * 100_000)
    assert read_record(tmp_path) is None
