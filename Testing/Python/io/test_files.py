from __future__ import annotations

import errno
import gzip
import os
from pathlib import Path

import pytest

from vistaseg.errors import UsageError
from vistaseg.io import replacing
from vistaseg.segmentation import check_writable, write_segmentation

NAMES = ["scan.seg.nrrd", "scan.nii.gz", "scan.nii", "masks"]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EFBIG])
def test_a_full_disk_is_reported_and_leaves_what_was_there(tmp_path, segmentation, monkeypatch, name, number):
    write_segmentation(segmentation, tmp_path / name)
    before = contents(tmp_path)

    def full(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    segmentation.segments[0].name = "spleen"
    with pytest.raises(UsageError, match="[Nn]o room"):
        write_segmentation(segmentation, tmp_path / name)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", NAMES)
def test_a_limit_of_the_file_size_is_met_like_a_full_disk(tmp_path, segmentation, name):
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40, hard))
    try:
        with pytest.raises(UsageError, match="[Nn]o room"):
            write_segmentation(segmentation, tmp_path / name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert contents(tmp_path) == {}


def test_a_break_while_writing_leaves_nothing(tmp_path, segmentation, monkeypatch):
    def broken(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(gzip.GzipFile, "write", broken)
    for name in NAMES[:2] + NAMES[3:]:
        with pytest.raises(KeyboardInterrupt):
            write_segmentation(segmentation, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_a_folder_that_may_not_be_written_is_found_before_the_work(tmp_path, monkeypatch, number):
    def denied(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "touch", denied)
    with pytest.raises(UsageError, match="no permission"):
        check_writable(tmp_path / "x.seg.nrrd")


def test_a_failing_rename_keeps_the_old_file(tmp_path, monkeypatch):
    (tmp_path / "x").write_bytes(b"old")

    def locked(*_):
        raise OSError(errno.EBUSY, "in use")

    monkeypatch.setattr(os, "replace", locked)
    with pytest.raises(UsageError, match="in use"), replacing(tmp_path / "x") as file:
        file.write(b"new")
    assert contents(tmp_path) == {"x": b"old"}


def test_a_new_file_replaces_the_old_one(tmp_path):
    (tmp_path / "x").write_bytes(b"old")
    with replacing(tmp_path / "x") as file:
        file.write(b"new")
        assert (tmp_path / "x").read_bytes() == b"old"
    assert contents(tmp_path) == {"x": b"new"}


@pytest.mark.parametrize("there", [True, False])
def test_what_a_symbolic_link_leads_to_is_replaced_and_the_link_stays(tmp_path, there):
    (tmp_path / "store").mkdir()
    target, link = tmp_path / "store" / "x", tmp_path / "x"
    if there:
        target.write_bytes(b"old")
    try:
        link.symlink_to(target)
    except OSError:
        pytest.skip("symbolic links need a permission here")
    with replacing(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert contents(tmp_path / "store") == {"x": b"new"}


def test_a_link_into_a_missing_folder_is_found_before_the_work(tmp_path):
    try:
        (tmp_path / "x.seg.nrrd").symlink_to(tmp_path / "none" / "x.seg.nrrd")
    except OSError:
        pytest.skip("symbolic links need a permission here")
    with pytest.raises(UsageError, match="none does not exist"):
        check_writable(tmp_path / "x.seg.nrrd")
