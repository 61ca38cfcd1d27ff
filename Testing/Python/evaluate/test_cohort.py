from __future__ import annotations

import pytest

from vistaseg.errors import InputError
from vistaseg.evaluate import CaseFiles, read_cohort


def test_paths_are_relative_to_the_table(tmp_path):
    table = tmp_path / "cases.csv"
    table.write_text("\ufeffnote, CT ,truth\nx,a/ct.nii.gz , a/truth.nii.gz\n,,\n,/data/b,b.seg.nrrd\n", "utf-8")
    assert read_cohort(table) == [
        CaseFiles("a/ct.nii.gz", tmp_path / "a" / "ct.nii.gz", tmp_path / "a" / "truth.nii.gz"),
        CaseFiles("/data/b", (tmp_path / "/data/b"), tmp_path / "b.seg.nrrd"),
    ]


def test_a_table_may_say_which_series_of_a_folder(tmp_path):
    table = tmp_path / "cases.csv"
    table.write_text("ct,truth,series\na,b.nii.gz,1.2.3\nc,d.nii.gz,\n")
    assert [case.series for case in read_cohort(table)] == ["1.2.3", None]


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "lists no case"), ("ct,truth\n", "lists no case"), ("ct,labels\na,b\n", "case 1: there is no truth"),
     ("ct,truth\na,b\nc,\n", "case 2: there is no truth"), ("scan\na\n", "no ct and no truth")],
)  # fmt: skip
def test_a_table_that_lacks_something_says_so(tmp_path, text, words):
    table = tmp_path / "cases.csv"
    table.write_text(text)
    with pytest.raises(InputError, match=words):
        read_cohort(table)


def test_a_table_that_cannot_be_read_says_so(tmp_path):
    with pytest.raises(InputError, match="check the path"):
        read_cohort(tmp_path / "absent.csv")
    (tmp_path / "cases.csv").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(InputError, match="not CSV text"):
        read_cohort(tmp_path / "cases.csv")
