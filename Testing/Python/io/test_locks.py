"""Several runs: who has a folder, what dead ones left, and what living ones use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import writers

from vistaseg.errors import UsageError
from vistaseg.io import check_folder, locked, locks, owner, replacing, together, write_bytes
from vistaseg.io.owner import Owner, is_left_over, new_mark, own_name
from vistaseg.segmentation import read_segmentation, write_segmentation

LOGIC = Path(__file__).parents[3] / "Logic"
KINDS = ("partial", "before", "lock", "turn")


@pytest.fixture(scope="module")
def ended() -> Owner:
    """A process of this host that has ended."""
    code = f"import sys; sys.path.insert(0, {str(LOGIC)!r}); from vistaseg.io.owner import new_mark; print(new_mark())"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    host, pid, start, _ = told.strip().split("-")
    return Owner(host, int(pid, 16), start)


def name_of(process: Owner, kind: str = "partial") -> str:
    return f".vistaseg-{process.host}-{process.pid:x}-{process.start}-{'0' * 8}.{kind}"


@pytest.fixture
def elsewhere() -> Owner:
    """A process of another host."""
    return Owner("0badcafe", 4711, "99")


def test_a_process_is_known_by_its_start_too(tmp_path, ended):
    this = Owner.this_process()
    assert ended.host == this.host and ended != this
    assert not is_left_over(tmp_path / own_name())
    assert is_left_over(tmp_path / name_of(ended))
    again = Owner(this.host, this.pid, ended.start)  # another process has had its number before
    assert is_left_over(tmp_path / name_of(again))
    assert len({new_mark() for _ in range(100)}) == 100


def test_elsewhere_than_on_linux_processes_are_known_by_their_start_too(tmp_path, ended, monkeypatch):
    monkeypatch.setattr(owner, "sys", SimpleNamespace(platform="win32"))
    this = Owner.this_process()
    assert this.start.isdigit() and this.start == Owner.this_process().start
    assert not is_left_over(tmp_path / own_name())
    assert is_left_over(tmp_path / name_of(Owner(this.host, ended.pid, this.start)))
    assert is_left_over(tmp_path / name_of(Owner(this.host, this.pid, "1")))


@pytest.mark.parametrize("kind", KINDS)
def test_the_next_run_removes_what_dead_processes_left(tmp_path, ended, kind):
    (tmp_path / name_of(ended, kind)).write_bytes(b"half")
    (tmp_path / "notes.txt").write_bytes(b"mine")
    check_folder(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_living_processes_use_is_left_however_old_it_is(tmp_path, kind):
    path = tmp_path / own_name(kind)
    path.write_bytes(b"half")
    os.utime(path, (1, 1))
    check_folder(tmp_path)
    assert path.exists()


def test_a_folder_that_a_killed_export_left_is_removed_with_all_in_it(tmp_path, ended):
    (tmp_path / name_of(ended) / "images").mkdir(parents=True)
    (tmp_path / name_of(ended) / "images" / "1.dcm").write_bytes(b"1")
    write_bytes(tmp_path / "x", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_process_of_another_host_counts_as_ended_when_its_heart_stands_still(tmp_path, elsewhere):
    path = tmp_path / name_of(elsewhere)
    path.write_bytes(b"half")
    check_folder(tmp_path)
    assert path.exists()
    silent = time.time() - owner.STALE_SECONDS - 60
    os.utime(path, (silent, silent))
    check_folder(tmp_path)
    assert not path.exists()


def test_litter_of_earlier_versions_goes_after_a_day(tmp_path):
    path = tmp_path / ".vistaseg-0123456789ab.partial"
    path.write_bytes(b"half")
    check_folder(tmp_path)
    assert path.exists()
    os.utime(path, (1, 1))
    check_folder(tmp_path)
    assert not path.exists()


def test_names_of_others_are_no_litter(tmp_path):
    names = [".vistaseg-notes.partial", ".vistaseg", "x.partial", ".vistaseg-0badcafe-1-2-3.partial"]
    for name in names:
        (tmp_path / name).write_bytes(b"mine")
        os.utime(tmp_path / name, (1, 1))
    check_folder(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)


def test_a_file_that_waits_beside_a_long_computation_shows_other_hosts_that_it_is_in_use(tmp_path, monkeypatch):
    monkeypatch.setattr(owner, "BEAT_SECONDS", 0.01)
    monkeypatch.setattr(owner, "_heartbeat", owner._Heartbeat())
    with locked(tmp_path), together(), replacing(tmp_path / "x") as file:
        file.write(b"new")
        held = list(tmp_path.iterdir())
        assert len(held) == 2
        for path in held:
            os.utime(path, (1, 1))
        end = time.monotonic() + 20
        while any(path.stat().st_mtime < 2 for path in held):
            assert time.monotonic() < end
            time.sleep(0.01)
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


@pytest.fixture
def impatient(monkeypatch) -> None:
    monkeypatch.setattr(locks, "_LOCK_WAIT_SECONDS", 0.0)
    monkeypatch.setattr(locks, "_TURN_WAIT_SECONDS", 0.0)


def claim(folder: Path, process: Owner, kind: str, key: str = "") -> Path:
    path = folder / name_of(process, kind)
    path.write_text(json.dumps({"host": "node7", "pid": process.pid, "since": "noon", "key": key}))
    return path


HOLDER = r"in use by another run \(process 4711 on node7, since noon\): wait until it ends, or choose another place"


@pytest.mark.usefixtures("impatient")
def test_a_lock_says_who_has_the_folder_and_a_dead_ones_is_taken_over(tmp_path, elsewhere, ended):
    path = claim(tmp_path, elsewhere, "lock")
    with pytest.raises(UsageError, match=HOLDER), locked(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == [path]
    path.unlink()
    claim(tmp_path, ended, "lock")
    with locked(tmp_path):
        assert [is_left_over(path) for path in tmp_path.iterdir()] == [False]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("impatient")
def test_a_lock_on_a_file_leaves_other_files_of_the_folder_free(tmp_path, elsewhere):
    claim(tmp_path, elsewhere, "lock", "a.csv")
    with locked(tmp_path / "b.csv"), locked(tmp_path):
        pass
    with pytest.raises(UsageError, match=HOLDER), locked(tmp_path / "a.csv"):
        pass


@pytest.mark.usefixtures("impatient")
def test_a_claim_that_is_just_being_written_counts(tmp_path):
    """Its content may be missing; its name is enough."""
    (tmp_path / own_name("lock")).touch()
    with pytest.raises(UsageError, match="in use by another run"), locked(tmp_path):
        pass


@pytest.mark.usefixtures("impatient")
def test_the_same_thread_locks_again_and_another_one_does_not(tmp_path):
    said = []

    def other() -> None:
        try:
            with locked(tmp_path):
                said.append("got in")
        except UsageError as error:
            said.append(str(error))

    with locked(tmp_path), locked(tmp_path):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert len(said) == 1 and f"process {os.getpid()} " in said[0]


@pytest.mark.usefixtures("impatient")
def test_a_folder_that_another_run_writes_is_not_written(tmp_path, segmentation, elsewhere):
    write_segmentation(segmentation, tmp_path)
    claim(tmp_path, elsewhere, "lock")
    with pytest.raises(UsageError, match=HOLDER):
        write_segmentation(segmentation, tmp_path)


@pytest.mark.usefixtures("impatient")
def test_a_commit_waits_for_that_of_another_process(tmp_path, segmentation, elsewhere, monkeypatch):
    path = claim(tmp_path, elsewhere, "turn")
    with pytest.raises(UsageError, match=HOLDER):
        write_segmentation(segmentation, tmp_path / "x.nii.gz")
    assert list(tmp_path.iterdir()) == [path]
    monkeypatch.setattr(locks, "_TURN_WAIT_SECONDS", 20.0)
    threading.Timer(0.3, path.unlink).start()
    write_segmentation(segmentation, tmp_path / "x.nii.gz")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.json", "x.nii.gz"]


WRITING = """
    import sys
    sys.path[:0] = sys.argv[1:3]
    from pathlib import Path
    import writers
    from vistaseg.errors import UsageError
    from vistaseg.segmentation import write_segmentation
    folder, version = Path(sys.argv[3]), int(sys.argv[4])
    done = refused = 0
    while done < 12:
        try:
            write_segmentation(writers.segmentation(version), folder / "x.nii.gz")
            write_segmentation(writers.segmentation(version), folder / "masks")
            done += 1
        except UsageError as error:
            assert "in use by another run (process" in str(error), error
"""


def test_two_runs_at_once_leave_one_of_their_results_whole(tmp_path):
    arguments = [str(LOGIC), str(LOGIC.parent / "Testing"), str(tmp_path)]
    code = textwrap.dedent(WRITING)
    runs = [subprocess.Popen([sys.executable, "-c", code, *arguments, version]) for version in ("1", "2")]
    try:
        assert [run.wait(120) for run in runs] == [0, 0]
    finally:
        for run in runs:
            run.kill()
            run.wait()
    for name in ("x.nii.gz", "masks"):
        assert writers.version_of(read_segmentation(tmp_path / name)) in (1, 2)
    kept = sorted(path.name for path in (tmp_path / "masks").iterdir())
    versions = [
        [f"{stem}.nii.gz" for stem in stems] for stems in (["liver", "spleen"], ["aorta", "left_kidney", "liver"])
    ]
    assert kept in [sorted([*files, "segments.json"]) for files in versions]


def test_a_record_does_nothing_outside_its_folder_and_removes_only_what_was_moved(tmp_path, ended):
    """It may come with a folder from elsewhere."""
    (tmp_path / "inside").mkdir()
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "inside" / "mine.txt").write_text("mine")
    before = name_of(ended, "before")
    for target in ("../mine.txt", "mine.txt", str(tmp_path / "mine.txt")):
        step = {"target": target, "before": before, "new": [1, 2]}
        content = {"format": "vistaseg commit", "version": 1, "decided_by": None, "others": [], "steps": [step]}
        (tmp_path / "inside" / name_of(ended, "undo")).write_text(json.dumps(content))
        check_folder(tmp_path / "inside")
        assert [path.name for path in (tmp_path / "inside").iterdir()] == ["mine.txt"]
        assert (tmp_path / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": "vistaseg commit", "steps": 3}', "[" * 1000])
def test_a_record_that_cannot_be_read_is_none(tmp_path, ended, content):
    (tmp_path / name_of(ended, "undo")).write_text(content)
    write_bytes(tmp_path / "x", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_set_within_a_set_takes_its_place_with_it_or_is_lost_alone(tmp_path):
    with together():
        write_bytes(tmp_path / "outer", b"1")
        with together():
            write_bytes(tmp_path / "inner", b"1")
        with pytest.raises(ValueError, match="broken"), together():
            write_bytes(tmp_path / "lost", b"1")
            raise ValueError("broken")
        assert not [path for path in tmp_path.iterdir() if not path.name.startswith(".vistaseg")]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["inner", "outer"]
