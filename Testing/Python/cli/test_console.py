"""What the commands print fits into any pipe, and nothing in it is obeyed by a terminal or a spreadsheet."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from dicom_series import uid_of, write_series

from vistaseg.cli.console import echo, echo_json, fit_streams, table_console
from vistaseg.masks.boxed import BoxedMask
from vistaseg.segmentation import Segmentation
from vistaseg.volume import Volume

ROOT = Path(__file__).parents[3]
ESCAPES = "\x1b[31mred\x1b[0m\x1b]0;title\x07"
CYRILLIC = "Грудь …"
ENCODINGS = ["cp1252", "iso-8859-1", "ascii", "utf-8"]


def run(*arguments: object, encoding: str = "utf-8", **more: str) -> subprocess.CompletedProcess[bytes]:
    """The program in a process of its own, whose output goes into pipes of an encoding."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "Logic"), "PYTHONIOENCODING": encoding, "COLUMNS": "80"} | more
    command = [sys.executable, "-m", "vistaseg.cli.main", *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, check=False)


@pytest.fixture
def study(ct: Volume, tmp_path: Path) -> Path:
    """Two series that are described by a person, and by somebody who means harm."""

    def described(text: str):
        def change(image, _):
            image.SpecificCharacterSet, image.SeriesDescription = "ISO_IR 192", text

        return change

    write_series(tmp_path / "study", ct, "one", described(CYRILLIC))
    part = Volume.from_array(ct.array[:9], ct.ijk_to_ras, axes="kji")
    write_series(tmp_path / "study", part, "two", described(ESCAPES))
    return tmp_path / "study"


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_list_of_series_goes_into_a_pipe_of_any_encoding_with_whole_uids(study, encoding):
    done = run("dicom", "list", study, encoding=encoding)
    assert done.returncode == 0, done.stderr
    listed = done.stdout.decode(encoding)
    for name in ("one", "two"):
        assert uid_of(name, "series") in listed
    assert (CYRILLIC if encoding == "utf-8" else r"\u0413\u0440") in listed
    assert "\x1b" not in listed and r"\x1b[31mred\x1b[0m" in listed and "\x07" not in listed


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_message_with_any_name_goes_into_a_pipe_of_any_encoding(tmp_path, encoding):
    name = os.fsdecode(b"M\xfcller") + CYRILLIC + ESCAPES + "\nvistaseg: done"
    done = run("segment", tmp_path / name, "-o", tmp_path / "out.seg.nrrd", "--model", "demo", encoding=encoding)
    assert done.returncode == 3 and done.stdout == b""
    (said,) = done.stderr.decode(encoding).splitlines()
    assert r"M\xfcller" in said and r"\x1b[31mred" in said and r"\x0avistaseg: done" in said and "\x1b" not in said


def test_wrong_use_that_quotes_an_argument_is_escaped_too(vistaseg):
    for arguments in (("segment", "x", "-o", "y", "--model", ESCAPES), (ESCAPES,), ("classes", f"--{ESCAPES}")):
        done = vistaseg(*arguments)
        assert done.code == 2 and "\x1b" not in done.stderr + done.stdout and r"\x1b[31m" in done.stderr


def test_help_and_search_go_into_an_ascii_pipe():
    for arguments in (("--help",), ("segment", "--help"), ("classes",), ("classes", "--search", "…Грудь")):
        done = run(*arguments, encoding="ascii")
        assert done.returncode == 0 and done.stderr == b"" and done.stdout


def test_a_letter_that_the_encoding_of_a_stream_lacks_is_written_as_its_code(monkeypatch):
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="ascii") for _ in range(2)]
    for name, stream in zip(("stdout", "stderr"), streams, strict=True):
        monkeypatch.setattr(sys, name, stream)
    fit_streams()
    echo("Größe … Ж")
    echo("Größe … Ж", err=True)
    assert [stream.buffer.getvalue() for stream in streams] == [b"Gr\\xf6\\xdfe \\u2026 \\u0416\n"] * 2


def test_lines_and_json_hold_no_control_character(capsys):
    echo("a\nb", ESCAPES)
    echo_json({ESCAPES: [CYRILLIC, "\udcfc"]})
    table_console().print(ESCAPES)
    out = capsys.readouterr().out
    assert out.splitlines()[0] == r"a\x0ab" and "\x1b" not in out and out.isascii() and out.count("x1b") == 6


def rows_of(report: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(report.read_text("utf-8"), newline="")))


NAMES = {
    os.fsdecode(b"M\xfcller"): r"M\xfcller",
    "=HYPERLINK(1)": "'=HYPERLINK(1)",
    "+1": "'+1",
    "-1": "'-1",
    "@SUM": "'@SUM",
    "\u22125": "'\u22125",
    "a\rb": r"a\x0db",
    "c\nd": r"c\x0ad",
    "\x1b[31m": r"\x1b[31m",
    "plain": "plain",
}


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
@pytest.mark.usefixtures("tiny_demo")
def test_studies_of_any_name_are_done_once_and_are_no_formula_in_the_report(
    vistaseg, ct, tmp_path, results, monkeypatch
):
    def nothing(session, *_: object) -> Segmentation:
        return Segmentation(session.volume.shape_ijk, session.volume.ijk_to_ras)

    monkeypatch.setattr("vistaseg.session.Session.segment", nothing)
    for number, name in enumerate(NAMES):
        write_series(tmp_path / "studies" / name, ct, str(number))
    command = ("cohort", tmp_path / "studies", "-o", results, "--model", "demo", "--classes", "liver")
    done = vistaseg(*command)
    assert done.code == 0 and "\x1b" not in done.stderr and r"M\xfcller: 20 images" in done.stderr
    rows = rows_of(results / "report.csv")
    assert {row["folder"] for row in rows} == set(NAMES.values())
    assert all(row["status"] == "done" for row in rows)
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for row in rows for cell in row.values())
    again = vistaseg(*command, "--json")
    assert again.code == 0 and again.stderr.count("done before") == len(NAMES)
    assert {row["folder"] for row in again.json} == set(NAMES)
    assert rows_of(results / "report.csv") == rows


def test_the_measures_of_a_segment_called_like_a_formula_are_no_formula(ct):
    from vistaseg.dicom import csv_bytes, measure
    from vistaseg.segmentation import Segment

    crop = BoxedMask.of(np.ones(ct.array.shape, bool))
    made = Segmentation(ct.shape_ijk, ct.ijk_to_ras, [Segment("=1+1", 1, None, (1, 2, 3), None, crop)])
    assert b"\r\n1,'=1+1," in csv_bytes(measure(made, ct))
