"""What disks and systems refuse: one clear word, and nothing lost. Other systems' refusals are simulated."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from vistaseg.errors import UsageError
from vistaseg.io import check_file_place, check_folder, made_folder, refusals, replacing, together, write_bytes
from vistaseg.io.refusals import is_windows_name, path_for_this_system, write_error
from vistaseg.segmentation import read_segmentation, write_segmentation
from vistaseg.segmentation.label_files import safe_stems

posix = pytest.mark.skipif(os.name != "posix", reason="modes and owners are those of POSIX")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@posix
@pytest.mark.parametrize("name", ["x.seg.nrrd", "x.nii.gz", "masks"])
def test_the_mode_of_what_is_replaced_is_kept(tmp_path, segmentation, name):
    write_segmentation(segmentation, tmp_path / name)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    for path in files:
        path.chmod(0o604 if path.suffix == ".gz" else 0o640)
    (tmp_path / name).chmod(0o750)
    before = {path: mode(path) for path in [tmp_path / name, *files]}
    write_segmentation(segmentation, tmp_path / name)
    assert {path: mode(path) for path in before} == before


@posix
def test_new_files_and_folders_follow_the_umask(tmp_path, segmentation):
    before = os.umask(0o027)
    try:
        write_segmentation(segmentation, tmp_path / "masks")
    finally:
        os.umask(before)
    assert mode(tmp_path / "masks") == 0o750
    assert {mode(path) for path in (tmp_path / "masks").iterdir()} == {0o640}


@posix
def test_nobody_reads_the_new_content_before_it_has_the_old_rights(tmp_path):
    (tmp_path / "x").write_bytes(b"old")
    (tmp_path / "x").chmod(0o640)
    with replacing(tmp_path / "x") as file:
        assert mode(Path(file.name)) == 0o600
    assert mode(tmp_path / "x") == 0o640


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
def test_the_owner_and_group_are_kept(tmp_path):
    (tmp_path / "x").write_bytes(b"old")
    os.chown(tmp_path / "x", 1234, 5678)
    write_bytes(tmp_path / "x", b"new")
    found = (tmp_path / "x").stat()
    assert (found.st_uid, found.st_gid, (tmp_path / "x").read_bytes()) == (1234, 5678, b"new")


@posix
def test_an_owner_that_cannot_be_kept_is_said_before_the_work(tmp_path, monkeypatch):
    (tmp_path / "x").write_bytes(b"old")
    genuine = Path.stat

    def of_another(path: Path, **options):
        found = genuine(path, **options)
        return os.stat_result((*found[:4], 4321, *found[5:])) if path.name == "x" else found

    def refused(*_):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "stat", of_another)
    monkeypatch.setattr(os, "chown", refused)
    with pytest.raises(UsageError, match="belongs to another user or group"):
        check_file_place(tmp_path / "x")
    with pytest.raises(UsageError, match="belongs to another user or group"):
        write_bytes(tmp_path / "x", b"new")
    monkeypatch.undo()
    assert contents(tmp_path) == {"x": b"old"}


@posix
@pytest.mark.parametrize("by", ["itself", "a link"])
def test_a_device_or_a_pipe_is_not_replaced(tmp_path, by):
    """As root, `-o /dev/null` would have put a file in the place of the device of the whole system."""
    pipe = tmp_path / "pipe.json"
    os.mkfifo(pipe)
    (tmp_path / "link.json").symlink_to(pipe)
    path = pipe if by == "itself" else tmp_path / "link.json"
    for write in (check_file_place, lambda path: write_bytes(path, b"new")):
        with pytest.raises(UsageError, match=r"json is a device or a pipe"):
            write(path)
    assert stat.S_ISFIFO(pipe.stat().st_mode) and sorted(os.listdir(tmp_path)) == ["link.json", "pipe.json"]


def test_a_write_protected_file_is_not_replaced(tmp_path, monkeypatch):
    (tmp_path / "x").write_bytes(b"old")
    (tmp_path / "x").chmod(0o444)
    monkeypatch.setattr(os, "access", lambda path, kind: bool(os.stat(path).st_mode & 0o200))  # root may write all
    with pytest.raises(UsageError, match="write-protected"):
        check_file_place(tmp_path / "x")
    with pytest.raises(UsageError, match="write-protected"):
        write_bytes(tmp_path / "x", b"new")
    assert contents(tmp_path) == {"x": b"old"}


@pytest.mark.parametrize(
    "number, words",
    [
        (errno.ENOSPC, "No room is left to write"), (getattr(errno, "EDQUOT", errno.ENOSPC), "room"),
        (errno.EROFS, "read-only"), (errno.EACCES, "no permission"), (errno.ENAMETOOLONG, "too long"),
        (errno.EINVAL, "does not take the name"), (errno.EIO, "Choose another place"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("refused", ["os.fsync", "os.replace"])
def test_a_refusal_at_any_step_has_its_word_and_loses_nothing(
    tmp_path, segmentation, monkeypatch, number, words, refused
):
    write_segmentation(segmentation, tmp_path / "masks")
    before = contents(tmp_path / "masks")
    genuine, last = {"os.fsync": os.fsync, "os.replace": os.replace}[refused], 0
    for last in range(100):
        calls = iter(range(1000))

        def call(*arguments, last=last, calls=calls):
            if next(calls) == last:
                raise OSError(number, os.strerror(number))
            return genuine(*arguments)

        segmentation.segments[0].name = "spleen of another name"
        with monkeypatch.context() as patched:
            patched.setattr(refused, call)
            try:
                write_segmentation(segmentation, tmp_path / "masks")
                break
            except UsageError as error:
                assert words in str(error)
        assert contents(tmp_path / "masks") == before
    assert last > 1 and contents(tmp_path / "masks") != before


def test_a_name_that_is_too_long_is_said_before_the_work(tmp_path):
    with pytest.raises(UsageError, match="too long"):
        check_file_place(tmp_path / ("a" * 300 + ".seg.nrrd"))


def test_a_long_path_that_windows_calls_absent_is_said(monkeypatch):
    absent = OSError(errno.ENOENT, "The system cannot find the path specified")
    monkeypatch.setattr(refusals, "ON_WINDOWS", True)
    assert "too long" in str(write_error(Path("/") / "/".join(["folder"] * 40), absent))
    assert "too long" not in str(write_error(Path("/short"), absent))


WINDOWS_REFUSES = ["CON", "con.seg.nrrd", "Lpt1.txt", "aux .x", "x.", "x ", "a:b", "what?", "a|b", "a\tb", 'a"b', "<x>"]


@pytest.mark.parametrize("name", WINDOWS_REFUSES)
def test_names_that_windows_gives_to_something_else_are_refused_there(tmp_path, monkeypatch, name):
    assert not is_windows_name(name)
    monkeypatch.setattr(refusals, "ON_WINDOWS", True)
    for place in (tmp_path / name, tmp_path / name / "x.csv"):
        with pytest.raises(UsageError, match="Windows does not take the name"):
            check_file_place(place)
        with pytest.raises(UsageError, match="Windows does not take the name"):
            write_bytes(place, b"")
    with pytest.raises(UsageError, match="Windows does not take the name"), made_folder(tmp_path / name):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [*WINDOWS_REFUSES, "plain", ".1 Thorax", "a.b", "Müller", "console"])
def test_a_name_for_windows_is_one_and_sound_names_stay(monkeypatch, name):
    assert path_for_this_system(Path("studies") / name) == Path("studies") / name
    monkeypatch.setattr(refusals, "ON_WINDOWS", True)
    given = path_for_this_system(Path("studies") / name)
    assert all(map(is_windows_name, given.parts))
    assert (given == Path("studies") / name) == is_windows_name(name)


@pytest.mark.parametrize("name", [*WINDOWS_REFUSES, "Niere links", "../up", "a/b", "…", "", "x" * 500])
def test_a_structure_of_any_name_has_a_file_that_every_system_takes(name):
    (stem,) = safe_stems([name])
    assert is_windows_name(f"{stem}.nii.gz") and "/" not in stem and "\\" not in stem and len(stem) < 100


def test_structures_that_differ_only_by_case_have_files_that_do_not(tmp_path, segmentation):
    for segment, name in zip(segmentation.segments, ("Case1", "case1"), strict=True):
        segment.name = name
    write_segmentation(segmentation, tmp_path / "masks")
    names = [path.name.casefold() for path in (tmp_path / "masks").iterdir()]
    assert len(set(names)) == 3
    assert [segment.name for segment in read_segmentation(tmp_path / "masks").segments] == ["Case1", "case1"]


@pytest.fixture
def ignoring_case(monkeypatch) -> None:
    """As on macOS and Windows: a name finds a file whose name differs only by its case."""

    def on_disk(path):
        if not isinstance(path, (str, os.PathLike)):
            return path
        folder, name = os.path.split(os.fspath(path))
        try:
            names = genuine["listdir"](folder or ".")
        except OSError:
            return path
        same = [other for other in names if other.casefold() == name.casefold()]
        return path if name in names or not same else os.path.join(folder, same[0])

    genuine = {
        name: getattr(os, name) for name in ("listdir", "stat", "lstat", "open", "unlink", "access", "replace", "link")
    }
    for name in ("stat", "lstat", "open", "unlink", "access"):
        monkeypatch.setattr(
            os, name, lambda path, *more, name=name, **options: genuine[name](on_disk(path), *more, **options)
        )
    for name in ("replace", "link"):
        monkeypatch.setattr(
            os, name, lambda one, other, name=name, **options: genuine[name](on_disk(one), on_disk(other), **options)
        )


@pytest.mark.usefixtures("ignoring_case")
def test_a_file_whose_name_differs_only_by_case_is_not_replaced(tmp_path):
    write_bytes(tmp_path / "Case1.txt", b"of one patient")
    write_bytes(tmp_path / "Case1.txt", b"of one patient, again")
    with pytest.raises(UsageError, match=r"Case1.txt is there already, .*does not tell it from case1.txt"):
        check_file_place(tmp_path / "case1.txt")
    with pytest.raises(UsageError, match="does not tell it from"):
        write_bytes(tmp_path / "case1.txt", b"of another")
    assert contents(tmp_path) == {"Case1.txt": b"of one patient, again"}


@pytest.mark.usefixtures("ignoring_case")
def test_two_files_of_a_set_that_differ_only_by_case_are_refused(tmp_path):
    with pytest.raises(UsageError, match="differ only by their case"), together():
        write_bytes(tmp_path / "Case1", b"1")
        write_bytes(tmp_path / "case1", b"2")
    assert contents(tmp_path) == {}


def test_where_case_counts_both_are_written(tmp_path):
    if (tmp_path / "A").mkdir() or (tmp_path / "a").exists():
        pytest.skip("this disk ignores case")
    with together():
        write_bytes(tmp_path / "Case1", b"1")
        write_bytes(tmp_path / "case1", b"2")
    assert (tmp_path / "Case1").read_bytes() == b"1" and (tmp_path / "case1").read_bytes() == b"2"


class OpenElsewhere:
    """Windows, where another program has files open: they cannot be replaced or removed, and perhaps not renamed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, path: Path, renames: bool, tries: int = 10**6) -> None:
        self.number = errno.EACCES
        self._genuine = {name: getattr(os, name) for name in ("replace", "unlink")}
        self._path, self._renames, self._tries = path, renames, tries
        monkeypatch.setattr(os, "replace", self.replace)
        monkeypatch.setattr(os, "unlink", self.unlink)
        monkeypatch.setattr(os, "link", self.link)
        monkeypatch.setattr("vistaseg.io.journal._RETRY_SECONDS", (0.0, 0.0))
        self._inode = path.stat().st_ino

    def replace(self, source, target) -> None:
        if self._is_open(target) or (self._is_open(source) and not self._renames):
            raise self._refusal()
        self._genuine["replace"](source, target)

    def unlink(self, path, **options) -> None:
        if self._is_open(path):
            raise self._refusal()
        self._genuine["unlink"](path, **options)

    def link(self, *_) -> None:
        raise OSError(errno.ENOTSUP, "not supported")

    def _refusal(self) -> OSError:
        return OSError(self.number, "The process cannot access the file")

    def _is_open(self, path) -> bool:
        if not os.path.lexists(path) or os.stat(path).st_ino != self._inode:
            return False
        self._tries -= 1
        return self._tries >= 0


@pytest.mark.parametrize("number", [errno.EACCES, errno.EBUSY])
@pytest.mark.parametrize("name", ["x.seg.nrrd", "x.nii.gz", "masks"])
def test_a_file_that_is_open_in_another_program_is_named_and_all_stays(
    tmp_path, segmentation, monkeypatch, name, number
):
    write_segmentation(segmentation, tmp_path / name)
    held = tmp_path / name if name != "masks" else tmp_path / "masks" / "spleen.nii.gz"
    folder = held.parent
    before = contents(folder)
    segmentation.segments[0].color = (9, 9, 9)
    OpenElsewhere(monkeypatch, held, renames=False).number = number
    with pytest.raises(UsageError, match=f"{held.name} cannot be replaced .*open in another program"):
        write_segmentation(segmentation, tmp_path / name)
    assert contents(folder) == before


@pytest.mark.parametrize("name", ["x.seg.nrrd", "x.nii.gz", "masks"])
def test_a_file_that_is_open_but_may_be_renamed_is_put_aside(tmp_path, segmentation, monkeypatch, name):
    write_segmentation(segmentation, tmp_path / name)
    held = tmp_path / name if name != "masks" else tmp_path / "masks" / "spleen.nii.gz"
    segmentation.segments[1].color = (9, 9, 9)
    with monkeypatch.context() as patched:
        OpenElsewhere(patched, held, renames=True)
        write_segmentation(segmentation, tmp_path / name)
        assert read_segmentation(tmp_path / name).segments[1].color == (9, 9, 9)
        left = [path for path in held.parent.iterdir() if path.name.startswith(".vistaseg")]
        assert len(left) == 1  # what is open cannot go yet
    assert read_segmentation(tmp_path / name).segments[1].color == (9, 9, 9)


def test_a_file_that_a_scanner_opens_for_a_moment_is_replaced_when_it_lets_go(tmp_path, monkeypatch):
    write_bytes(tmp_path / "x", b"old")
    OpenElsewhere(monkeypatch, tmp_path / "x", renames=False, tries=2)
    write_bytes(tmp_path / "x", b"new")
    assert contents(tmp_path) == {"x": b"new"}


def test_a_disk_without_hard_links_keeps_sets_whole_too(tmp_path, segmentation, monkeypatch):
    def unsupported(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", unsupported)
    write_segmentation(segmentation, tmp_path / "masks")
    segmentation.segments[0].name = "aorta"
    write_segmentation(segmentation, tmp_path / "masks")
    assert sorted(contents(tmp_path / "masks")) == ["aorta.nii.gz", "segments.json", "spleen.nii.gz"]


def test_a_folder_that_vanishes_or_is_read_only_is_said(tmp_path, monkeypatch):
    with pytest.raises(UsageError, match="does not exist"):
        check_folder(tmp_path / "gone")

    def denied(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "touch", denied)
    with pytest.raises(UsageError, match="read-only"):
        check_folder(tmp_path)
