"""A folder of studies: the others go on after a bad one, and the same command goes on where it stopped."""

from __future__ import annotations

import csv
import hashlib
import json
import os
from pathlib import Path

import pytest
from dicom_series import uid_of, write_series

from vistaseg.cli.cohort_table import COLUMNS
from vistaseg.io.owner import own_name
from vistaseg.models.vista3d import features
from vistaseg.segmentation import Segmentation, read_segmentation
from vistaseg.volume import Volume

pytestmark = pytest.mark.usefixtures("tiny_demo")


@pytest.fixture
def studies(ct, tmp_path) -> Path:
    """Two that are sound, one of them in two series, and of each kind of bad one a study."""
    root = tmp_path / "studies"
    write_series(root / "a", ct, "a")
    write_series(root / "b" / "large", ct, "b")
    write_series(root / "b" / "small", Volume.from_array(ct.array[:5], ct.ijk_to_ras, axes="kji"), "b2", in_study("b"))
    write_series(root / "gap", ct, "gap")[9].unlink()
    write_series(root / "mr", ct, "mr", lambda image, _: setattr(image, "Modality", "MR"))
    cut = write_series(root / "cut", ct, "cut")[7]
    cut.write_bytes(cut.read_bytes()[:-300])
    (root / "no dicom").mkdir()
    (root / "no dicom" / "notes.txt").write_text("nothing")
    return root


def in_study(name: str):
    return lambda image, _: setattr(image, "StudyInstanceUID", uid_of(name, "study"))


BAD = {"gap": "Slices are missing", "mr": "modality MR", "cut": "cannot be decoded", "no dicom": "no DICOM images"}


@pytest.fixture
def cohort(vistaseg, results):
    """Run `vistaseg cohort`, with the rows of its report."""

    def run(root: Path, *more: object):
        report = results / "report.csv"
        done = vistaseg("cohort", root, "-o", results / "out", "--report", report, "--model", "demo",
                        *(more or ("--classes", "liver")))  # fmt: skip
        return done, rows_of(report)

    return run


@pytest.fixture
def instant(monkeypatch) -> None:
    """Every study is answered at once, with nothing."""

    def nothing(session, *_: object) -> Segmentation:
        return Segmentation(session.volume.shape_ijk, session.volume.ijk_to_ras)

    monkeypatch.setattr("vistaseg.session.Session.segment", nothing)


def rows_of(report: Path) -> dict[str, dict[str, str]]:
    with report.open(encoding="utf-8", newline="") as file:
        return {row["folder"]: row for row in csv.DictReader(file)}


def test_each_study_has_a_row_and_the_sound_ones_a_result(cohort, studies, results):
    done, rows = cohort(studies)
    assert done.code == 3 and "4 of 6 studies failed" in done.stderr
    assert {name for name, row in rows.items() if row["status"] == "done"} == {"a", str(Path("b", "large"))}
    for name, words in BAD.items():
        assert rows[name]["status"] == "failed" and words in rows[name]["reason"] and words in done.stderr
    assert "2 series; the largest one" in rows[str(Path("b", "large"))]["reason"]
    row = rows["a"]
    assert (row["series"], row["images"], row["asked"]) == (uid_of("a", "series"), "20", "model demo; classes liver")
    assert float(row["seconds"]) > 0 and row["segments"] == "1"
    assert read_segmentation(results / "out" / row["output"]).shape_ijk == (24, 22, 20)
    kept = sorted(path.name for path in (results / "out").rglob("*"))
    assert kept == sorted(["a", "b", "large", f"{uid_of('a', 'series')}.seg.nrrd", f"{uid_of('b', 'series')}.seg.nrrd"])


@pytest.mark.usefixtures("instant")
def test_what_is_done_is_not_done_again_and_what_failed_is_tried_again(cohort, studies, results, ct):
    cohort(studies)
    first = results / "out" / "a" / f"{uid_of('a', 'series')}.seg.nrrd"
    before = first.stat().st_mtime_ns
    write_series(studies / "gap", ct, "gap")
    done, rows = cohort(studies)
    assert first.stat().st_mtime_ns == before and done.stderr.count("done before") == 2
    assert rows["gap"]["status"] == "done" and "3 of 6 studies failed" in done.stderr


@pytest.mark.usefixtures("instant")
def test_a_result_that_is_gone_or_of_another_question_is_made_again(cohort, ct, tmp_path, results):
    write_series(tmp_path / "studies" / "a", ct, "a")
    done, rows = cohort(tmp_path / "studies")
    assert done.code == 0
    (results / "out" / rows["a"]["output"]).unlink()
    assert "done before" not in cohort(tmp_path / "studies")[0].stderr
    assert "done before" in cohort(tmp_path / "studies")[0].stderr
    done, rows = cohort(tmp_path / "studies", "--classes", "spleen")
    assert "done before" not in done.stderr and rows["a"]["asked"] == "model demo; classes spleen"


def test_an_interrupted_run_goes_on_where_it_stopped(cohort, studies, results, monkeypatch):
    genuine, calls = features.window_features, []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) > 1:
            raise KeyboardInterrupt
        return genuine(*arguments)

    monkeypatch.setattr(features, "window_features", interrupted)
    done, rows = cohort(studies)
    assert done.code == 130 and "the same command goes on from there" in done.stderr
    assert list(rows) == ["a"] and not (results / "out" / "b").exists()
    monkeypatch.setattr(features, "window_features", genuine)
    done, rows = cohort(studies)
    assert done.stderr.count("done before") == 1 and len(rows) == 6


def test_an_error_that_no_one_foresaw_ends_only_its_study(cohort, studies, monkeypatch):
    genuine, calls = features.window_features, []

    def broken(*arguments):
        calls.append(1)
        if len(calls) == 1:
            raise ZeroDivisionError("of Sibylla")
        return genuine(*arguments)

    monkeypatch.setattr(features, "window_features", broken)
    _, rows = cohort(studies)
    assert "unexpected error (ZeroDivisionError)" in rows["a"]["reason"] and "Sibylla" not in rows["a"]["reason"]
    assert rows[str(Path("b", "large"))]["status"] == "done"


@pytest.mark.usefixtures("instant")
def test_copies_of_a_study_in_folders_of_their_own_are_studies_of_their_own(cohort, ct, tmp_path):
    for name in ("one", "two"):
        write_series(tmp_path / "studies" / name, ct, "same")
    done, rows = cohort(tmp_path / "studies", "--classes", "liver", "--format", "nii.gz", "--json")
    assert done.code == 0 and set(rows) == {"one", "two"}
    assert [row["status"] for row in done.json] == ["done", "done"]
    assert len({row["output"] for row in rows.values()}) == 2 and rows["one"]["output"].endswith(".nii.gz")


@pytest.mark.usefixtures("instant")
@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
def test_results_within_the_folder_of_studies_are_no_study(vistaseg, ct, tmp_path):
    root = tmp_path / "studies"
    write_series(root / "a", ct, "a", lambda image, _: setattr(image, "SeriesInstanceUID", "../../1.2"))
    for _ in range(2):
        done = vistaseg("cohort", root, "-o", root / "out", "--model", "demo", "--classes", "liver")
        assert done.code == 0, done.stderr
    assert list(rows_of(root / "out" / "report.csv")) == ["a"]
    assert [path.name for path in (root / "out" / "a").iterdir()] == ["_.._1.2.seg.nrrd"]


def test_what_would_fail_for_all_ends_the_run(vistaseg, studies, results, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    done = vistaseg("cohort", studies, "-o", results / "out", "--model", "demo", "--device", "cuda")
    assert done.code == 2 and not (results / "out").exists()


def test_what_cannot_be_begun_is_told_at_once(vistaseg, studies, tmp_path, results):
    (results / "notes.csv").write_text("my,notes\n1,2\n")
    (results / "short.csv").write_text(",".join(COLUMNS) + "\none,1.2.3\n")
    (results / "file").touch()
    (tmp_path / "empty").mkdir()
    cases = [
        ((tmp_path / "absent", "-o", results / "out"), 3, "is not a folder"),
        ((tmp_path / "empty", "-o", results / "out"), 3, "No study found here"),
        ((studies, "-o", results / "file"), 2, "is a file"),
        ((studies, "-o", results / "out", "--report", results / "notes.csv"), 2, "is not the report of a cohort"),
        ((studies, "-o", results / "out", "--report", results / "short.csv"), 2, "line 2 has not 10 cells"),
        ((studies, "-o", results / "out", "--report", results / "absent" / "r.csv"), 2, "does not exist"),
    ]
    for arguments, code, words in cases:
        done = vistaseg("cohort", *arguments, "--model", "demo", "--classes", "liver")
        assert done.code == code and words in done.stderr, done.stderr
    assert (results / "notes.csv").read_text() == "my,notes\n1,2\n"


@pytest.mark.usefixtures("instant")
def test_a_result_that_cannot_be_written_is_that_of_one_study(cohort, ct, tmp_path, results):
    for name in ("one", "two"):
        write_series(tmp_path / "studies" / name, ct, name)
    (results / "out").mkdir()
    (results / "out" / "one").touch()
    done, rows = cohort(tmp_path / "studies")
    assert done.code == 3 and rows["one"]["status"] == "failed" and "cannot be written" in rows["one"]["reason"]
    assert rows["two"]["status"] == "done"


@pytest.mark.usefixtures("instant")
def test_a_folder_of_several_studies_has_a_row_for_each_and_files_beside_it_too(cohort, ct, tmp_path):
    root = tmp_path / "studies"
    for name in ("first", "second"):
        write_series(root / "patient", ct, name)
    write_series(root, ct, "loose")
    done, _ = cohort(root, "--classes", "liver", "--json")
    assert done.code == 0, done.stderr
    assert [(row["folder"], row["series"]) for row in done.json] == [
        (".", uid_of("loose", "series")), ("patient", uid_of("first", "series")),
        ("patient", uid_of("second", "series")),
    ]  # fmt: skip


@pytest.mark.usefixtures("instant")
def test_studies_under_any_name_are_done_and_known_again(cohort, ct, tmp_path, results):
    root = tmp_path / "studies"
    names = [".1 Thorax", os.fsdecode(b"M\xfcller"), "plain"]
    for name in names:
        write_series(root / name, ct, name.encode("ascii", "replace").decode())
    (root / "lost").symlink_to(tmp_path / "unplugged")
    done, rows = cohort(root)
    assert done.code == 3 and "1 of 4 studies failed" in done.stderr and "M\\xfcller" in done.stderr
    assert set(rows) == {".1 Thorax", "M\\xfcller", "plain", "lost"}
    assert "Links that lead nowhere" in rows["lost"]["reason"]
    for name in names:
        assert [path.suffix for path in (results / "out" / name).iterdir()] == [".nrrd"]
    assert cohort(root)[0].stderr.count("done before") == 3


@pytest.mark.usefixtures("instant")
def test_two_at_once_into_one_folder_or_report_are_refused(cohort, vistaseg, ct, tmp_path, results, monkeypatch):
    write_series(tmp_path / "studies" / "a", ct, "a")
    monkeypatch.setattr("vistaseg.io.locks._LOCK_WAIT_SECONDS", 0)
    others = {"folder": results / "out", "report": results / "report.csv"}
    (results / "out").mkdir()
    for place in others.values():
        key = "" if place.is_dir() else place.name
        claim = (place if place.is_dir() else results) / own_name("lock")
        claim.write_text(json.dumps({"host": "node7", "pid": 4711, "since": "noon", "key": key}))
        options = ("-o", results / "out", "--report", results / "report.csv", "--model", "demo", "--classes", "liver")
        done = vistaseg("cohort", tmp_path / "studies", *options)
        assert done.code == 2 and f"{place} is in use by another run (process 4711 on node7, since noon)" in done.stderr
        assert not (results / "report.csv").exists()
        claim.unlink()
    assert cohort(tmp_path / "studies")[0].code == 0


@pytest.mark.usefixtures("instant")
def test_a_result_that_is_not_the_one_of_its_row_is_made_again(cohort, ct, tmp_path, results):
    write_series(tmp_path / "studies" / "a", ct, "a")
    _, rows = cohort(tmp_path / "studies")
    result = results / "out" / rows["a"]["output"]
    genuine = result.read_bytes()
    assert rows["a"]["sha256"] == hashlib.sha256(genuine).hexdigest()
    result.write_bytes(b"of another question")
    assert "done before" not in cohort(tmp_path / "studies")[0].stderr
    assert result.read_bytes() == genuine
    assert "done before" in cohort(tmp_path / "studies")[0].stderr


@pytest.mark.usefixtures("instant")
def test_a_report_of_an_earlier_version_is_gone_on_with(cohort, ct, tmp_path, results):
    write_series(tmp_path / "studies" / "a", ct, "a")
    cohort(tmp_path / "studies")
    report = results / "report.csv"
    report.write_text("\n".join(line.rpartition(",")[0] for line in report.read_text().splitlines()) + "\n")
    done, rows = cohort(tmp_path / "studies")
    assert "done before" in done.stderr and rows["a"]["status"] == "done"


@pytest.mark.usefixtures("instant")
def test_studies_whose_names_differ_only_by_case_have_results_that_do_not(cohort, ct, tmp_path):
    for name in ("Case1", "case1"):
        write_series(tmp_path / "studies" / name, ct, "same")
    if len(os.listdir(tmp_path / "studies")) < 2:
        pytest.skip("this disk ignores case")
    _, rows = cohort(tmp_path / "studies")
    outputs = [row["output"] for row in rows.values()]
    assert len({output.casefold() for output in outputs}) == 2 and outputs[1].endswith("_2.seg.nrrd")


@pytest.mark.usefixtures("instant")
def test_a_result_that_is_open_in_another_program_fails_alone(cohort, ct, tmp_path, results, monkeypatch):
    for name in ("one", "two"):
        write_series(tmp_path / "studies" / name, ct, name)
    _, rows = cohort(tmp_path / "studies")
    held = os.path.realpath(results / "out" / rows["one"]["output"])
    genuine = os.replace

    def replace(source, target):
        if held in (str(source), str(target)):
            raise PermissionError(13, "The process cannot access the file")
        genuine(source, target)

    monkeypatch.setattr("vistaseg.io.journal._RETRY_SECONDS", ())
    monkeypatch.setattr(os, "replace", replace)
    done, rows = cohort(tmp_path / "studies", "--classes", "spleen")
    assert done.code == 3 and "open in another program" in rows["one"]["reason"]
    assert (rows["one"]["status"], rows["two"]["status"]) == ("failed", "done")
