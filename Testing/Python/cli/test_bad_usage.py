"""Requests that cannot be right, places that cannot be written, weights and memory that are not there."""

from __future__ import annotations

import builtins
import errno
import os
from importlib import import_module
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
import typer

from vistaseg.cli.main import COMMANDS
from vistaseg.cli.options import named_path
from vistaseg.models.vista3d import features


@pytest.fixture
def fails(vistaseg, scan, results):
    """Run `vistaseg segment SCAN …`, expect an exit code and an untouched output folder; returns the message."""
    (results / "out.seg.nrrd").write_bytes(b"before")

    def run(code: int, *options: object, output: object = results / "out.seg.nrrd") -> str:
        done = vistaseg("segment", scan, "-o", output, *options)
        assert (done.code, done.stdout) == (code, ""), done.stderr
        assert [path.name for path in results.iterdir()] == ["out.seg.nrrd"]
        assert (results / "out.seg.nrrd").read_bytes() == b"before"
        return done.stderr

    return run


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--classes", "livr"], ['"livr" is not known', 'Did you mean "liver"']),
        (["--classes", "liver, xyzzyqq"], ['"xyzzyqq" is not known']),
        (["--classes", "133"], ["structure 133", "1 to 132"]),
        (["--classes", ","], ["No structure was named", "liver"]),
        (["--classes", "rectum"], ['cannot segment "rectum" (id 18)', "too few examples"]),
        (["--classes", "130"], ['cannot segment "liver tumor"', 'Ask for "hepatic tumor" instead']),
        (["--preset", "organs"], ["Unknown preset 'organs'", "everything", "abdomen"]),
        (["--model", "unet"], ["--model", "unet", "vista3d", "demo"]),
        (["--device", "tpu"], ["--device", "tpu", "auto", "cpu", "cuda"]),
        (["--precision", "fp8"], ["--precision", "fp8", "fp32", "bf16"]),
        (["--roi", "1,2,3"], ["'1,2,3' is not a box or region", "R,A,S:R,A,S"]),
        (["--roi", "1,2:3,4"], ["not a box or region", "R,A,S:R,A,S"]),
        (["--roi", "a,b,c:d,e,f"], ["not a box or region", "R,A,S:R,A,S"]),
        (["--roi", "0,0,0:10,0,10"], ["two corners that differ"]),
        (["--roi", "0,0,0:nan,10,10"], ["two corners that differ"]),
        (["--windows", "3"], ["No such option", "--windows"]),
    ],
)
def test_a_request_that_cannot_be_right_is_wrong_use(fails, options, words):
    message = fails(2, *options)
    assert all(word in message for word in words), message


@pytest.mark.parametrize(
    "arguments",
    [
        ("info", ""),
        ("segment", "", "-o", "out.seg.nrrd", "--model", "demo"),
        ("demo", "", "-o", "out"),
        ("refine", "", "-o", "out.seg.nrrd"),
        ("identify", ""),
        ("evaluate", ""),
        ("cohort", "", "-o", "out"),
        ("dicom", "list", ""),
        ("refine", "scan.nii.gz", "-o", "out.seg.nrrd", "--mask", ""),
        ("refine", "scan.nii.gz", "-o", "out.seg.nrrd", "--replay", ""),
        ("identify", "scan.nii.gz", "--mask", ""),
        ("dicom", "export", "", "series", "-o", "out.dcm"),
        ("dicom", "export", "seg.nrrd", "", "-o", "out.dcm"),
        ("dicom", "import", "", "series", "-o", "out.seg.nrrd"),
        ("dicom", "import", "seg.dcm", "", "-o", "out.seg.nrrd"),
        ("dicom", "check", ""),
        ("weights", "import", ""),
        ("doctor", "--ct", ""),
    ],
)
def test_an_empty_name_of_a_file_is_wrong_use_and_not_the_current_folder(vistaseg, arguments):
    done = vistaseg(*arguments)
    assert done.code == 2 and "No file was named" in done.stderr


def test_an_empty_place_for_results_is_wrong_use_and_nothing_is_written(vistaseg, tmp_path, monkeypatch):
    (tmp_path / "studies").mkdir()
    monkeypatch.chdir(tmp_path)
    for arguments in (("cohort", "studies", "-o", ""), ("cohort", "studies", "-o", "out", "--report", "")):
        done = vistaseg(*arguments, "--model", "demo")
        assert done.code == 2 and "No file was named" in done.stderr
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == ["studies"]


def test_the_folder_in_use_is_named_by_a_point_and_not_by_nothing():
    assert named_path(".") == Path()
    with pytest.raises(typer.BadParameter, match="No file was named"):
        named_path("")


def test_every_path_on_the_command_line_goes_through_one_parser_that_refuses_an_empty_name():
    callbacks = {
        f"{name} {callback.__name__}": callback
        for name, (attribute, _) in COMMANDS.items()
        for callback in callbacks_of(getattr(import_module(f"vistaseg.cli.{name}"), attribute))
    }
    hints = [(n, *pair) for n, c in callbacks.items() for pair in get_type_hints(c, include_extras=True).items()]
    paths = {f"{command} {name}": hint.__metadata__[0] for command, name, hint in hints if takes_path(hint)}
    assert len(paths) > 25
    assert [name for name, option in paths.items() if option.parser is not named_path] == []


def callbacks_of(command):
    return [one.callback for one in getattr(command, "registered_commands", ())] or [command]


def takes_path(hint):
    (kind, *_) = get_args(hint) or (None,)
    return kind is Path or Path in get_args(kind)


def test_missing_arguments_are_wrong_use(vistaseg, scan):
    assert vistaseg("segment").code == 2
    done = vistaseg("segment", scan)
    assert done.code == 2 and "--output" in done.stderr
    assert vistaseg("nonsense").code == 2


@pytest.mark.usefixtures("tiny_demo")
def test_a_region_outside_the_scan_is_bad_input(fails):
    message = fails(3, "--model", "demo", "--roi", "500,500,500:600,600,600")
    assert "outside the scan, which reaches from R " in message and "Choose a box that meets it" in message


@pytest.mark.usefixtures("tiny_demo")
def test_a_region_between_the_voxels_is_bad_input(fails):
    message = fails(3, "--model", "demo", "--roi", "1,1,1:1.5,1.5,1.5")
    assert "no voxel centre" in message and "Choose a larger region" in message


@pytest.mark.usefixtures("tiny_demo")
def test_a_class_that_the_model_does_not_know_is_wrong_use(fails):
    message = fails(2, "--model", "demo", "--classes", "liver, pancreas")
    assert "Tiny does not know pancreas" in message and "use another model" in message


@pytest.mark.usefixtures("tiny_demo")
def test_a_preset_of_which_the_model_knows_nothing_is_wrong_use(fails):
    message = fails(2, "--model", "demo", "--preset", "ribs")
    assert "Tiny knows nothing of the preset ribs" in message


@pytest.mark.usefixtures("tiny_demo")
def test_a_term_of_which_the_model_knows_nothing_is_wrong_use(fails):
    message = fails(2, "--model", "demo", "--classes", "kidney, lung")
    assert "Tiny does not know lung. Leave it out" in message


@pytest.mark.usefixtures("tiny_demo")
def test_overlapping_classes_are_refused_for_a_label_map_before_the_work(fails, results, monkeypatch):
    monkeypatch.setattr(features, "window_features", lambda *_: pytest.fail("worked first"))
    options = ["--model", "demo", "--classes", "liver, lung tumor"]
    message = fails(2, *options, output=results / "out.nii.gz")
    assert "label map cannot hold lung tumor" in message and ".seg.nrrd" in message


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("absent/out.seg.nrrd", ["does not exist", "create it"]),
        ("absent/deeper/folder/", ["does not exist", "create it"]),
        ("", ["No place for the segmentation was given"]),
        ("out.png", ["for a segmentation", ".seg.nrrd", ".nii.gz"]),
        ("x" * 300 + ".seg.nrrd", ["cannot be written", "too long"]),
    ],
)
def test_an_output_that_cannot_be_is_wrong_use(fails, results, place, words):
    message = fails(2, output=f"{results}/{place}" if place else "")
    assert all(word in message for word in words), message


def test_the_scan_itself_is_no_output(vistaseg, scan):
    before = scan.read_bytes()
    done = vistaseg("segment", scan, "-o", scan)
    assert done.code == 2 and "is the scan itself" in done.stderr
    assert scan.read_bytes() == before


@pytest.mark.parametrize(("name", "words"), [("out.jpg", "has to end in .png"), ("absent/out.png", "does not exist")])
def test_a_preview_that_cannot_be_is_wrong_use(fails, results, name, words):
    assert words in fails(2, "--preview", results / name)


def test_a_folder_in_the_place_of_the_preview_is_found_before_the_work(vistaseg, scan, results, monkeypatch):
    (results / "dd.png").mkdir()
    monkeypatch.setattr("vistaseg.volume.read_volume", lambda *_: pytest.fail("worked first"))
    done = vistaseg("segment", scan, "-o", results / "out.seg.nrrd", "--preview", results / "dd.png")
    assert done.code == 2 and "dd.png is a folder" in done.stderr
    assert not (results / "out.seg.nrrd").exists()


def test_a_read_only_folder_is_refused_before_the_work(fails, monkeypatch):
    def refuse(self: Path, *_args: object, **_more: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "touch", refuse)
    message = fails(2)
    assert "no permission" in message and "Choose a folder that you may write to" in message


@pytest.mark.usefixtures("tiny_demo")
@pytest.mark.parametrize("output", ["out.seg.nrrd", "new.nii.gz", "folder/"])
def test_a_full_disk_leaves_nothing_half_written(fails, results, monkeypatch, output):
    def full(_file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    preview = ["--preview", results / "out.png"]
    message = fails(2, "--model", "demo", "--classes", "liver", *preview, output=f"{results}/{output}")
    assert "No room" in message and "free some space" in message


def test_without_weights_the_command_says_how_to_get_them_before_it_reads_the_scan(fails, monkeypatch):
    monkeypatch.setattr("vistaseg.volume.read_volume", lambda *_: pytest.fail("read first"))
    message = fails(4)
    assert "not installed" in message
    assert "vistaseg weights fetch vista3d" in message and "vistaseg weights import" in message


def test_a_demo_model_that_is_missing_is_a_broken_installation(fails, monkeypatch, tmp_path):
    monkeypatch.setattr("vistaseg.models.files.resource_path", lambda name: tmp_path / "nowhere" / name)
    assert "install VistaSeg again" in fails(4, "--model", "demo")


@pytest.mark.parametrize("text", ["[]", '{"width": "8"}', '{"spacing": 6}'])
def test_a_demo_model_with_a_damaged_configuration_is_a_broken_installation(fails, monkeypatch, tmp_path, text):
    (tmp_path / "demo-model").mkdir()
    (tmp_path / "demo-model" / "config.json").write_text(text)
    (tmp_path / "demo-model" / "model.safetensors").write_bytes(b"")
    monkeypatch.setattr("vistaseg.models.files.resource_path", lambda name: tmp_path / name)
    assert "install VistaSeg again" in fails(4, "--model", "demo")


@pytest.mark.usefixtures("tiny_demo")
@pytest.mark.parametrize(
    "error",
    [
        builtins.MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory: you tried to"),
    ],
    ids=["numpy", "torch"],
)
def test_memory_that_runs_out_has_its_own_code(fails, monkeypatch, error):
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(features, "window_features", fail)
    message = fails(5, "--model", "demo")
    assert "Memory ran out" in message and "region of interest" in message


def test_memory_that_runs_out_while_reading_has_the_same_code(fails, monkeypatch):
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("vistaseg.volume.read_volume", fail)
    assert "Memory ran out" in fails(5, "--model", "demo")
