"""Kill −9 between every two file operations of everything that writes: the old set or the new one is whole."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path

import pytest
import writers
from kills import files_below, fresh, kill_at, kill_everywhere, operations
from writers import Writer

import vistaseg
from vistaseg.errors import InputError
from vistaseg.segmentation import read_segmentation

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kills need a process that can be copied")

STRIDES = {
    "x.seg.nrrd": 2, "x.nii.gz": 3, "x.nii": 9, "masks": 5, "folders": 4, "dicom export": 11, "panel export": 19,
    "segment -o s.nii.gz": 11, "segment -o structures/": 17, "cohort": 17, "refine": 9, "dicom import": 11,
    "weights import": 5,
}  # fmt: skip
"""Every how many operations the short form kills; `make kills` kills at each."""


@pytest.fixture(scope="module")
def every_writer(tmp_path_factory) -> dict[str, Writer]:
    return {writer.name: writer for writer in writers.all_writers(tmp_path_factory.mktemp("read"))}


@pytest.mark.parametrize("name", STRIDES)
def test_a_kill_at_any_moment_leaves_the_old_or_the_new_and_the_rerun_works(every_writer, tmp_path, name):
    first = 0 if name == "panel export" else 1
    assert kill_everywhere(every_writer[name], tmp_path, first, STRIDES[name]) > 2


@pytest.mark.parametrize("name", ["x.nii.gz", "masks"])
def test_a_kill_at_any_moment_of_the_first_run_leaves_nothing_or_all(every_writer, tmp_path, name):
    assert kill_everywhere(every_writer[name], tmp_path, 0, 2) > 2


SYSTEM_CALLS = {
    "openat": "open", "open": "open", "creat": "open", "rename": "os.rename", "renameat": "os.rename",
    "renameat2": "os.rename", "link": "os.link", "linkat": "os.link", "symlink": "os.symlink",
    "symlinkat": "os.symlink", "unlink": "os.remove", "unlinkat": "os.remove", "mkdir": "os.mkdir",
    "mkdirat": "os.mkdir", "rmdir": "os.rmdir", "chmod": "os.chmod", "fchmod": "os.chmod", "fchmodat": "os.chmod",
    "chown": "os.chown", "fchown": "os.chown", "fchownat": "os.chown", "truncate": "os.truncate",
    "ftruncate": "os.truncate", "fallocate": "os.truncate", "utimensat": "os.utime", "setxattr": "os.setxattr",
    "fsetxattr": "os.setxattr", "fsync": "test.fsync", "fdatasync": "test.fsync", "write": "test.write",
    "pwrite64": "test.write", "writev": "test.write", "pwritev": "test.write", "sendfile": "test.write",
    "copy_file_range": "test.write", "mmap": "mmap",
}  # fmt: skip
TRACED = """
    import json, sys
    from pathlib import Path
    import kills, writers
    place = Path(sys.argv[1])
    steps = {}
    (place / "read").mkdir()
    for number, writer in enumerate(writers.all_writers(place / "read")):
        folder = kills.fresh(place / f"w{number}", writer, 1)
        steps[folder.name] = kills.operations(lambda: writer.write(folder, 2), folder)
    (place / "steps.json").write_text(json.dumps(steps), encoding="utf-8")
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_the_list_of_operations_misses_none_that_the_system_sees(tmp_path):
    """Between the kills nothing happens to a file: what the system itself saw of each writer is in its list."""
    log, places = (
        tmp_path / "log",
        [str(Path(module.__file__).parents[depth]) for module, depth in ((writers, 0), (vistaseg, 1))],
    )
    program = [sys.executable, "-c", textwrap.dedent(TRACED), str(tmp_path)]
    command = [
        "strace",
        "-f",
        "-qq",
        "-y",
        "-s",
        "4096",
        "-e",
        "trace=" + ",".join(f"?{name}" for name in SYSTEM_CALLS),
    ]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(places)}
    done = subprocess.run([*command, "-o", log, *program], env=environment, capture_output=True, text=True)
    if not (tmp_path / "steps.json").exists() and "ptrace" in done.stderr:
        pytest.skip("this system lets nobody trace")
    listed = json.loads((tmp_path / "steps.json").read_text(encoding="utf-8"))
    seen = seen_by_the_system(log.read_text(encoding="utf-8", errors="replace"), tmp_path)
    assert set(seen) == set(listed)
    for folder, calls in seen.items():
        assert not Counter(calls) - Counter(listed[folder]), folder
        assert set(listed[folder]) >= set(calls) and len(calls) > 4


def seen_by_the_system(log: str, place: Path) -> dict[str, list[str]]:
    """Of each writer's folder: operations of children, in the words of `operations`; a run of writes is one."""
    lines = [line.split(maxsplit=1) for line in log.splitlines()]
    parent, found = lines[0][0], {}
    for process, call in lines:
        name = call.partition("(")[0]
        where = re.search(rf"{re.escape(str(place))}/(w[0-9]+)[/>\"]", call)
        if process == parent or name not in SYSTEM_CALLS or where is None or " = -1 " in call:
            continue
        if name in ("openat", "open") and not re.search("O_WRONLY|O_RDWR|O_CREAT", call):
            continue
        if name == "mmap" and not re.search("MAP_SHARED.*PROT_WRITE|PROT_WRITE.*MAP_SHARED", call):
            continue
        kind = "os.rmdir" if "AT_REMOVEDIR" in call else SYSTEM_CALLS[name]
        quoted, opened = re.search(r'"([^"]*)"', call), re.search(r"\([0-9]+<([^>]*)>", call)
        by_name = quoted is not None and kind != "test.write"
        target = quoted[1] if by_name else opened[1]
        if str(place) not in target and os.path.isabs(target) or target.startswith("pipe:"):
            continue
        step = f"{kind} {os.path.basename(target)}"
        calls = found.setdefault(where[1], [])
        if not (kind == "test.write" and calls and calls[-1] == step):
            calls.append(step)
    return found


@pytest.mark.parametrize("name", ["x.nii.gz", "masks"])
def test_a_mix_that_cannot_be_put_back_is_not_believed(every_writer, tmp_path, monkeypatch, name):
    """On a read-only disk for one."""
    writer, mixed = every_writer[name], 0
    before = fresh(tmp_path / "before", writer, 1)
    clean = shutil.copytree(before, tmp_path / "clean")
    for number in range(0, len(operations(lambda: writer.write(clean, 2), clean)), 2):
        folder = shutil.copytree(before, tmp_path / str(number))
        kill_at(lambda folder=folder: writer.write(folder, 2), folder, number)
        with monkeypatch.context() as patched:
            for room in ("io", "segmentation.label_files"):
                patched.setattr(f"vistaseg.{room}.recover", lambda _: None)
            mixed += not _is_whole(folder / name)
        assert writer.version(folder) in (1, 2)
    assert mixed


def _is_whole(path: Path) -> bool:
    """Fails where anything is read as what it is not."""
    try:
        found = read_segmentation(path)
    except InputError as error:
        assert "is not the file that segments.json was written for" in str(error) or "does not exist" in str(error)
        return False
    if any("describes another file" in note for note in found.notes):
        assert {segment.name[:6] for segment in found.segments} == {"label "}
        return False
    return writers.version_of(found) in (1, 2)


def test_a_second_kill_while_the_first_is_put_back_loses_nothing_either(every_writer, tmp_path):
    writer = every_writer["x.nii.gz"]
    before = fresh(tmp_path / "before", writer, 1)
    clean = shutil.copytree(before, tmp_path / "clean")
    steps = operations(lambda: writer.write(clean, 2), clean)
    last = max(number for number, step in enumerate(steps) if step.startswith("os.remove") and step.endswith(".undo"))
    broken = shutil.copytree(before, tmp_path / "broken")
    kill_at(lambda: writer.write(broken, 2), broken, last)
    again = shutil.copytree(broken, tmp_path / "again")
    for number in range(len(operations(lambda: writer.version(again), again))):
        folder = shutil.copytree(broken, tmp_path / str(number))
        kill_at(lambda folder=folder: writer.version(folder), folder, number)
        assert writer.version(folder) == 1
        writer.write(folder, 2)
        assert writer.version(folder) == 2 and files_below(folder) == files_below(clean)


def test_an_interruption_at_any_moment_leaves_no_litter(every_writer, tmp_path, monkeypatch):
    """As Ctrl+C, SIGTERM and SIGHUP are."""
    writer = every_writer["masks"]
    genuine = {name: getattr(os, name) for name in ("replace", "link", "fsync")}
    for last in range(1000):
        calls = iter(range(1000))

        def interrupted(name, calls=calls, last=last):
            def call(*arguments, **options):
                if next(calls) == last:
                    raise KeyboardInterrupt
                return genuine[name](*arguments, **options)

            return call

        folder = fresh(tmp_path / str(last), writer, 1)
        with monkeypatch.context() as patched:
            for name in ("replace", "link", "fsync"):
                patched.setattr(os, name, interrupted(name))
            try:
                writer.write(folder, 2)
                break
            except KeyboardInterrupt:
                assert not [name for name in files_below(folder) if ".vistaseg" in name]
        assert writer.version(folder) == 1
    assert last > 8
