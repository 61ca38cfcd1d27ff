from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from vistaseg.errors import WeightsError
from vistaseg.weights import (
    WeightsState,
    find_entry,
    import_file,
    installed_path,
    list_weights,
    remove,
    status,
    store,
    verify,
)

ENTRY = find_entry("vista3d")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def flip_last_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.fixture
def installed(home, checkpoint, shapes):
    return import_file(ENTRY, checkpoint, shapes)


def test_nothing_is_installed_at_first_and_looking_makes_nothing(home):
    assert [found.state for found in list_weights()] == [WeightsState.MISSING] * len(list_weights())
    assert not home.exists()


def test_asking_for_missing_weights_says_how_to_get_them(home):
    with pytest.raises(WeightsError) as caught:
        installed_path(ENTRY)
    assert caught.value.exit_code == 4
    message = str(caught.value)
    assert "weights of VISTA3D are not installed" in message
    assert "`vistaseg weights fetch vista3d`" in message and "`vistaseg weights import FILE" in message


def test_an_imported_file_is_installed_and_recorded_as_the_users(installed, home, checkpoint):
    assert installed.state is WeightsState.INSTALLED
    assert installed.path == home / "weights" / "vista3d" / "model.safetensors"
    assert installed.path.read_bytes() == checkpoint.read_bytes()
    assert installed_path(ENTRY) == installed.path
    record = json.loads((installed.path.parent / "record.json").read_text())
    assert record["source"] == "user" and record["origin"] == "brought.safetensors"
    assert record["sha256"] == installed.sha256 == sha256(checkpoint)
    assert record["size"] == installed.size == checkpoint.stat().st_size


def test_importing_leaves_the_users_file_and_no_temporary_one(installed, home, checkpoint):
    assert checkpoint.exists()
    assert sorted(path.name for path in home.rglob("*") if path.is_file()) == [
        "model.safetensors",
        "record.json",
    ]


def test_the_suffix_follows_the_content_and_the_other_format_goes(installed, state, shapes, save_checkpoint, tmp_path):
    again = import_file(ENTRY, save_checkpoint(state, tmp_path / "weights.ckpt", "zip"), shapes)
    assert again.path is not None and again.path.name == "model.pt"
    assert not installed.path.exists()
    assert installed_path(ENTRY) == again.path


def test_a_wrong_file_is_refused_and_the_installed_one_stays(installed, shapes, state, save_checkpoint, tmp_path):
    wrong = save_checkpoint({"stranger": state["class_head.mlp.0.bias"]}, tmp_path / "wrong.pt", "zip")
    with pytest.raises(WeightsError, match="unexpected: stranger"):
        import_file(ENTRY, wrong, shapes)
    assert verify(ENTRY).state is WeightsState.INSTALLED


def test_without_other_shapes_the_true_network_is_what_counts(home, checkpoint):
    with pytest.raises(WeightsError, match="does not hold the weights of this model"):
        import_file(ENTRY, checkpoint)
    assert status(ENTRY).state is WeightsState.MISSING


def test_an_interrupted_copy_installs_nothing(home, checkpoint, shapes, monkeypatch):
    def stop(_source: Path, target: Path) -> None:
        target.write_bytes(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", stop)
    with pytest.raises(WeightsError, match="space"):
        import_file(ENTRY, checkpoint, shapes)
    assert status(ENTRY).state is WeightsState.MISSING


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path, checkpoint, shapes, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("VISTASEG_HOME", str(tmp_path / "file"))
    with pytest.raises(WeightsError, match="VISTASEG_HOME"):
        import_file(ENTRY, checkpoint, shapes)


def test_an_unchanged_file_is_not_hashed_again(installed, monkeypatch):
    monkeypatch.setattr(store, "file_digests", lambda *_, **__: pytest.fail("hashed again"))
    assert status(ENTRY) == installed


def test_a_file_that_was_only_touched_is_hashed_once_and_remains_installed(installed, monkeypatch):
    os.utime(installed.path, ns=(1, 1))
    assert status(ENTRY).state is WeightsState.INSTALLED
    monkeypatch.setattr(store, "file_digests", lambda *_, **__: pytest.fail("hashed again"))
    assert status(ENTRY).state is WeightsState.INSTALLED


def test_a_touched_file_in_a_read_only_store_is_still_installed(installed, monkeypatch):
    os.utime(installed.path, ns=(1, 1))

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.fsync", refuse)
    assert status(ENTRY).state is WeightsState.INSTALLED


def test_a_changed_file_is_found_and_not_given_out(installed):
    flip_last_byte(installed.path)
    os.utime(installed.path, ns=(1, 1))
    assert status(ENTRY).state is WeightsState.DAMAGED
    with pytest.raises(WeightsError, match="damaged or unknown"):
        installed_path(ENTRY)


def test_a_shortened_file_is_found_without_hashing(installed, monkeypatch):
    installed.path.write_bytes(b"short")
    monkeypatch.setattr(store, "file_digests", lambda *_, **__: pytest.fail("hashed"))
    assert status(ENTRY).state is WeightsState.DAMAGED


def test_verify_finds_a_change_that_size_and_time_hide(installed):
    before = installed.path.stat()
    flip_last_byte(installed.path)
    os.utime(installed.path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert status(ENTRY).state is WeightsState.INSTALLED
    found = verify(ENTRY)
    assert found.state is WeightsState.DAMAGED and found.sha256 == sha256(installed.path)


def test_verify_confirms_what_was_installed(installed):
    assert verify(ENTRY) == installed


def test_verify_of_missing_weights_says_so(home):
    with pytest.raises(WeightsError, match="not installed"):
        verify(ENTRY)


def test_an_imported_file_need_not_have_the_published_checksum(home, checkpoint, shapes):
    bundle = find_entry("vista3d-bundle")
    import_file(bundle, checkpoint, shapes)
    assert verify(bundle).state is WeightsState.INSTALLED


def test_a_file_put_there_by_hand_is_unknown(home, checkpoint):
    folder = home / "weights" / "vista3d"
    folder.mkdir(parents=True)
    shutil.copy(checkpoint, folder / "found.safetensors")
    assert status(ENTRY).state is WeightsState.DAMAGED
    assert verify(ENTRY).state is WeightsState.DAMAGED


@pytest.mark.parametrize("record", ["", "{}", '{"file": 1}'])
def test_a_record_that_cannot_be_read_makes_the_file_unknown(record, installed):
    (installed.path.parent / "record.json").write_text(record)
    assert status(ENTRY).state is WeightsState.DAMAGED


def test_a_deleted_file_is_missing_although_recorded(installed):
    installed.path.unlink()
    assert status(ENTRY).state is WeightsState.MISSING


def test_removed_weights_are_missing_and_leave_nothing(installed, home):
    assert remove(ENTRY)
    assert status(ENTRY).state is WeightsState.MISSING
    assert not [path for path in home.rglob("*") if path.is_file()]
    assert not remove(ENTRY)


def test_weights_of_one_entry_are_not_those_of_another(installed):
    states = {found.entry.key: found.state for found in list_weights()}
    assert states["vista3d"] is WeightsState.INSTALLED
    assert states["vista3d-bundle"] is WeightsState.MISSING


def test_import_reports_its_progress_to_the_end(home, checkpoint, shapes):
    reports: list[tuple[int, int | None]] = []
    import_file(replace(ENTRY), checkpoint, shapes, lambda done, total: reports.append((done, total)))
    size = checkpoint.stat().st_size
    assert reports[-1] == (size, size)


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_the_published_file_of_other_weights_is_not_taken_under_a_wrong_key(
    installed, home, checkpoint, shapes, monkeypatch, algorithm
):
    bundle = find_entry("vista3d-bundle")
    digest = hashlib.new(algorithm, checkpoint.read_bytes()).hexdigest()
    pinned = replace(bundle, **{"md5": None, "sha256": None, algorithm: digest})
    monkeypatch.setattr(store, "load_manifest", lambda: (ENTRY, pinned))
    remove(ENTRY)
    with pytest.raises(WeightsError, match="NCLS v1 License.*--key vista3d-bundle"):
        import_file(ENTRY, checkpoint, shapes)
    assert status(ENTRY).state is WeightsState.MISSING
    assert not [path for path in home.rglob("*") if path.is_file()]
    assert import_file(pinned, checkpoint, shapes).state is WeightsState.INSTALLED


def test_two_imports_at_once_leave_one_of_them_installed(home, checkpoint, shapes, state, save_checkpoint, monkeypatch):
    other = save_checkpoint(state, checkpoint.with_name("other.pt"), "zip")
    copy = shutil.copyfile

    def copy_while_another_imports(source: Path, target: Path) -> None:
        monkeypatch.setattr(shutil, "copyfile", copy)
        copy(source, target)
        import_file(ENTRY, other, shapes)

    monkeypatch.setattr(shutil, "copyfile", copy_while_another_imports)
    done = import_file(ENTRY, checkpoint, shapes)
    assert verify(ENTRY) == done and done.state is WeightsState.INSTALLED
    assert sorted(path.name for path in home.rglob("*") if path.is_file()) == ["model.safetensors", "record.json"]


def test_only_the_recorded_predecessor_is_removed(home, checkpoint, shapes):
    folder = home / "weights" / "vista3d"
    folder.mkdir(parents=True)
    (folder / "model.pt").write_bytes(b"put here by hand")
    import_file(ENTRY, checkpoint, shapes)
    assert (folder / "model.pt").read_bytes() == b"put here by hand"
    assert verify(ENTRY).state is WeightsState.INSTALLED
