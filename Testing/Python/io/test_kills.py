"""Kill −9 between every two file operations of everything that writes: the old set or the new one is whole."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest
import writers
from kills import files_below, fresh, kill_at, kill_everywhere, operations
from writers import Writer

from vistaseg.errors import InputError
from vistaseg.segmentation import read_segmentation

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kills need a process that can be copied")

STRIDES = {
    "x.seg.nrrd": 1, "x.nii.gz": 1, "x.nii": 9, "masks": 2, "folders": 2, "dicom export": 11, "panel export": 17,
    "segment -o s.nii.gz": 7, "segment -o structures/": 9, "cohort": 7,
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
