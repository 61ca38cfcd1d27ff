"""Files of the wrong kind, folders, devices and endless names in every place where a command takes one: one message."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("tiny_demo")


def deep(folder: Path) -> Path:
    (folder / "deep.json").write_text('{"format": ' + "[" * 100_000)
    return folder / "deep.json"


def huge_number(folder: Path) -> Path:
    (folder / "huge.json").write_text('{"format": "vistaseg session 1", "models": 1' + "0" * 400 + "}")
    return folder / "huge.json"


def text(folder: Path) -> Path:
    (folder / "notes.txt").write_text("not what was asked for")
    return folder / "notes.txt"


def empty(folder: Path) -> Path:
    (folder / "empty.nii.gz").touch()
    return folder / "empty.nii.gz"


def noise(folder: Path) -> Path:
    (folder / "noise.seg.nrrd").write_bytes(bytes(range(256)) * 40)
    return folder / "noise.seg.nrrd"


def a_folder(folder: Path) -> Path:
    (folder / "sub").mkdir()
    return folder / "sub"


def device(_: Path) -> Path:
    return Path("/dev/zero")


def nothing(_: Path) -> Path:
    return Path("/dev/null")


def pipe(folder: Path) -> Path:
    if not hasattr(os, "mkfifo"):
        pytest.skip("Windows has no such files")
    os.mkfifo(folder / "pipe.nii.gz")
    return folder / "pipe.nii.gz"


def absent(folder: Path) -> Path:
    return folder / "absent.nii.gz"


KINDS = [deep, huge_number, text, empty, noise, a_folder, device, nothing, pipe, absent]
OUT = ("-o", "OUT/out.seg.nrrd")
DEMO = ("--model", "demo")
COMMANDS = {
    "segment": ("segment", "FILE", *OUT, *DEMO),
    "cohort": ("cohort", "FILE", "-o", "OUT/cohort", *DEMO),
    "refine mask": ("refine", "SCAN", *OUT, *DEMO, "--mask", "FILE", "--point", "0,0,0"),
    "refine replay": ("refine", "SCAN", *OUT, *DEMO, "--replay", "FILE"),
    "identify": ("identify", "FILE", "--point", "0,0,0", *DEMO),
    "identify mask": ("identify", "SCAN", "--mask", "FILE", *DEMO),
    "evaluate truth": ("evaluate", "SCAN", "--truth", "FILE", *DEMO),
    "evaluate names": ("evaluate", "SCAN", "--truth", "SCAN", "--names", "FILE", *DEMO),
    "evaluate cohort": ("evaluate", "--cohort", "FILE", *DEMO),
    "weights import": ("weights", "import", "FILE"),
    "dicom list": ("dicom", "list", "FILE"),
    "dicom check": ("dicom", "check", "FILE"),
    "dicom export": ("dicom", "export", "FILE", "SCAN", "-o", "OUT/out.dcm"),
    "dicom import": ("dicom", "import", "FILE", "SCAN", *OUT),
}


@pytest.mark.skipif(sys.platform != "linux", reason="the devices are Linux's")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_of_the_wrong_kind_is_one_message_and_its_exit_code(command, vistaseg, scan, results, tmp_path):
    for make in KINDS:
        folder = tmp_path / make.__name__
        folder.mkdir()
        places = {"FILE": str(make(folder)), "SCAN": str(scan), "OUT": str(results)}
        arguments = [places.get(word, word.replace("OUT/", f"{results}/")) for word in COMMANDS[command]]
        begin = time.perf_counter()
        done = vistaseg(*arguments)
        assert done.code in (2, 3, 4), (make.__name__, done)
        last = done.stderr.splitlines()[-1]
        assert last.startswith("vistaseg: ") and len(last) < 1000, (make.__name__, done.stderr[-2000:])
        assert time.perf_counter() - begin < 60
        assert not [path for path in results.rglob("*") if path.is_file()], make.__name__


LONG = "liver" * 20_000


@pytest.mark.parametrize(
    "options",
    [
        ("classes", "--search", LONG),
        ("segment", "SCAN", *OUT, *DEMO, "--classes", LONG),
        ("segment", "SCAN", *OUT, *DEMO, "--classes", f"liver, {LONG}"),
        ("segment", "SCAN", *OUT, *DEMO, "--text", LONG),
        ("refine", "SCAN", *OUT, *DEMO, "--text", LONG),
        ("refine", "SCAN", *OUT, *DEMO, "--class", LONG, "--point", "0,0,0"),
        ("cohort", "SCAN", "-o", "OUT/cohort", *DEMO, "--classes", LONG),
    ],
    ids=lambda options: " ".join(word for word in options if len(word) < 20),
)
def test_a_name_without_end_is_refused_at_once_with_the_limit(options, vistaseg, scan, results):
    begin = time.perf_counter()
    done = vistaseg(*(str(scan) if word == "SCAN" else word.replace("OUT/", f"{results}/") for word in options))
    assert time.perf_counter() - begin < 10
    assert done.code == 2 and "has at most 200 letters" in done.stderr and len(done.stderr) < 300
    assert "has 100000" in done.stderr


def test_a_long_list_of_short_names_is_taken(vistaseg, scan, results):
    done = vistaseg("segment", scan, "-o", results / "out.seg.nrrd", *DEMO, "--classes", ", ".join(["liver"] * 5000))
    assert done.code == 0, done.stderr
