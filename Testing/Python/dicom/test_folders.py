"""The walk over folders loses nothing without a word: links, hidden folders, what cannot be entered, any name."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from dicom_series import uid_of, write_series
from hypothesis import given, settings
from hypothesis import strategies as st

from vistaseg.dicom import find_series, find_studies, list_series, read_series
from vistaseg.errors import InputError
from vistaseg.volume import Volume, read_volume
from vistaseg.volume.dicom.folders import walk

APPLE_DOUBLE = b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        " + bytes(4000)


@pytest.fixture
def small(scan: Volume) -> Volume:
    return Volume.from_array(scan.array[:3], scan.ijk_to_ras, axes="kji")


@pytest.fixture
def forbidden(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Make a folder or file one that may not be opened, also by root."""
    closed: set[str] = set()
    scandir, opened = os.scandir, Path.open

    def guarded_scandir(path):
        if os.fspath(path) in closed:
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scandir(path)

    def guarded_open(self, *arguments, **more):
        if str(self) in closed:
            raise PermissionError(13, "Permission denied", str(self))
        return opened(self, *arguments, **more)

    monkeypatch.setattr(os, "scandir", guarded_scandir)
    monkeypatch.setattr(Path, "open", guarded_open)

    def close(path: Path) -> None:
        path.chmod(0)
        closed.add(str(path))

    return close


def test_slices_whose_links_lead_nowhere_are_named(tmp_path, scan):
    paths = write_series(tmp_path / "ct", scan)
    for path in paths[: len(paths) // 2]:
        path.unlink()
        path.symlink_to(tmp_path / "gone" / path.name)
    notes = read_volume(tmp_path / "ct").notes
    assert "Links that lead nowhere" in notes[0] and "slices or series may be missing" in notes[0]
    assert paths[0].name in notes[0] and notes == list_series(tmp_path / "ct").notes
    assert notes == read_volume(paths[-1]).notes


def test_a_series_of_links_that_all_lead_nowhere_is_refused_by_name(tmp_path, scan):
    paths = write_series(tmp_path / "ct", scan)
    for path in paths:
        path.unlink()
        path.symlink_to(tmp_path / "gone" / path.name)
    for read in (read_volume, list_series):
        with pytest.raises(InputError, match=f"Links that lead nowhere.*{paths[0].name}.*where the links lead"):
            read(tmp_path / "ct")


def test_a_link_to_itself_is_named(tmp_path, scan):
    write_series(tmp_path / "ct", scan)
    (tmp_path / "ct" / "round.dcm").symlink_to("round.dcm")
    assert "round.dcm" in read_volume(tmp_path / "ct").notes[0]


def test_the_large_series_behind_a_link_to_a_folder_is_read(tmp_path, scan, small):
    write_series(tmp_path / "archive", scan, "large")
    write_series(tmp_path / "study" / "small", small, "small")
    (tmp_path / "study" / "large").symlink_to(tmp_path / "archive", target_is_directory=True)
    assert np.array_equal(read_volume(tmp_path / "study").array, scan.array)
    found = {one.uid for one in find_series(tmp_path / "study")}
    assert found == {uid_of("large", "series"), uid_of("small", "series")}


def test_a_series_behind_a_link_is_listed_and_can_be_chosen(tmp_path, scan, small):
    write_series(tmp_path / "drive", scan, "large")
    write_series(tmp_path / "study", small, "small")
    (tmp_path / "study" / "more").symlink_to(tmp_path / "drive")
    found = find_series(tmp_path / "study")
    assert sorted(one.images for one in found) == [3, 6]
    (large,) = (one for one in found if one.images == 6)
    assert read_volume(tmp_path / "study", large.uid).shape_ijk == scan.shape_ijk


def test_links_that_form_a_cycle_end_and_double_nothing(tmp_path, scan):
    paths = write_series(tmp_path / "study" / "ct", scan)
    (tmp_path / "study" / "ct" / "up").symlink_to(tmp_path / "study")
    (tmp_path / "study" / "self").symlink_to(tmp_path / "study" / "ct")
    (tmp_path / "study" / "out").symlink_to(tmp_path)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "scan.dcm").write_bytes(b"of another study")
    assert walk(tmp_path / "study").files == tuple(sorted(paths))
    volume = read_volume(tmp_path / "study")
    assert np.array_equal(volume.array, scan.array) and volume.notes == ()


def test_a_folder_that_may_not_be_entered_is_named(tmp_path, scan, small, forbidden):
    write_series(tmp_path / "large", scan, "large")
    write_series(tmp_path / "small", small, "small")
    forbidden(tmp_path / "large")
    notes = read_volume(tmp_path).notes
    assert "folders that cannot be opened" in notes[0] and "missing: large." in notes[0]
    forbidden(tmp_path / "small")
    with pytest.raises(InputError, match=r"cannot be opened: large, small\..*the permissions"):
        read_volume(tmp_path)


def test_a_slice_that_may_not_be_opened_is_named(tmp_path, scan, forbidden):
    paths = write_series(tmp_path, scan)
    forbidden(paths[-1])
    assert f"missing: {paths[-1].name}." in read_volume(tmp_path).notes[0]


def test_files_that_macos_puts_beside_slices_are_passed_over(tmp_path, scan):
    for path in write_series(tmp_path, scan):
        path.with_name(f"._{path.name}").write_bytes(APPLE_DOUBLE)
    (tmp_path / "._dangling").symlink_to("gone")
    for volume in (read_volume(tmp_path), read_volume(sorted(tmp_path.glob("[!.]*"))[0]), read_series(tmp_path).volume):
        assert np.array_equal(volume.array, scan.array) and volume.notes == ()
    assert list_series(tmp_path).notes == ()


def test_a_slice_whose_name_only_begins_as_those_of_macos_is_read(tmp_path, scan):
    paths = write_series(tmp_path, scan)
    paths[2].rename(paths[2].with_name("._2.dcm"))
    assert np.array_equal(read_volume(tmp_path).array, scan.array)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such files")
def test_what_is_no_ordinary_file_is_not_opened(tmp_path, scan):
    write_series(tmp_path, scan)
    os.mkfifo(tmp_path / "pipe.dcm")
    assert read_volume(tmp_path).notes == ()


def test_studies_in_folders_that_begin_with_a_dot_are_found(tmp_path, scan):
    write_series(tmp_path / ".1 Thorax", scan, "hidden")
    write_series(tmp_path / "a", scan, "a")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("of another program")
    assert [str(study.folder) for study in find_studies(tmp_path)] == [".1 Thorax", "a"]


def test_names_that_are_not_utf8_survive(tmp_path, scan):
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/M\xfcller"))
    for path in write_series(folder, scan):
        path.rename(folder / os.fsdecode(os.fsencode(path.stem) + b"\xfc.dcm"))
    assert np.array_equal(read_volume(folder).array, scan.array)
    (study,) = find_studies(tmp_path)
    assert os.fsencode(study.folder) == b"M\xfcller"
    assert np.array_equal(read_series(study.files).volume.array, scan.array)


def test_studies_behind_links_are_found_and_lost_ones_are_named(tmp_path, scan, forbidden):
    write_series(tmp_path / "archive" / "x", scan, "linked")
    root = tmp_path / "studies"
    write_series(root / "a", scan, "a")
    write_series(root / "closed", scan, "closed")
    (root / "linked").symlink_to(tmp_path / "archive" / "x")
    (root / "lost").symlink_to(tmp_path / "unplugged")
    (root / "up").symlink_to(tmp_path)
    (root / "itself").symlink_to(root)
    forbidden(root / "closed")
    found = {str(study.folder): study for study in find_studies(root)}
    assert set(found) == {"a", "closed", "linked", "lost"}
    assert found["linked"].images == found["a"].images == len(scan.array)
    for name in ("lost", "closed"):
        assert name in (found[name].problem or "") and "Links that lead nowhere" in (found[name].problem or "")


def test_slices_of_a_study_that_are_lost_are_told_when_it_is_read(tmp_path, scan):
    write_series(tmp_path / "a", scan)
    (tmp_path / "a" / "lost.dcm").symlink_to("gone")
    (study,) = find_studies(tmp_path)
    assert "missing: lost.dcm" in read_series(study.files).volume.notes[0]


def test_the_folder_of_results_is_not_a_study_however_it_is_reached(tmp_path, scan):
    write_series(tmp_path / "studies" / "a", scan, "a")
    write_series(tmp_path / "results", scan, "results")
    (tmp_path / "studies" / "a" / "out").symlink_to(tmp_path / "results")
    (tmp_path / "studies" / "out").symlink_to(tmp_path / "results")
    (study,) = find_studies(tmp_path / "studies", [tmp_path / "results"])
    assert study.series == uid_of("a", "series") and len(study.files) == len(scan.array)


NAMES = st.sampled_from(["a", "b", ".c", "d e", os.fsdecode(b"\xff")])


@settings(max_examples=60)
@given(
    folders=st.lists(st.lists(NAMES, min_size=1, max_size=3), max_size=6),
    files=st.lists(st.tuples(st.lists(NAMES, max_size=3), NAMES), max_size=6),
    links=st.lists(st.tuples(st.lists(NAMES, max_size=3), NAMES, st.lists(NAMES, max_size=3)), max_size=6),
)
def test_any_tree_of_links_is_walked_once_and_whole(tmp_path_factory, folders, files, links):
    """Every file that can be reached without leaving the tree is found once; every link that leads nowhere is named."""
    root = tmp_path_factory.mktemp("tree")
    for parts in folders:
        root.joinpath(*parts).mkdir(parents=True, exist_ok=True)
    for parts, name in files:
        if root.joinpath(*parts).is_dir() and not os.path.lexists(root.joinpath(*parts, f"f{name}")):
            root.joinpath(*parts, f"f{name}").write_bytes(b"x")
    real = {path for path in root.rglob("*") if path.is_file()}
    for parts, name, target in links:
        if root.joinpath(*parts).is_dir() and not os.path.lexists(root.joinpath(*parts, f"l{name}")):
            root.joinpath(*parts, f"l{name}").symlink_to(root.joinpath(*target))
    found = walk(root)
    assert {path.resolve() for path in found.files} == real and len(found.files) == len(real)
    dead = {p for p in root.rglob("*") if p.is_symlink() and not p.exists()}
    assert set(found.unreachable) == dead
    assert all(stat.S_ISREG(path.stat().st_mode) for path in found.files)
