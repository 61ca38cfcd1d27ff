"""Ctrl+C, SIGTERM and SIGHUP: exit code 130, one sentence, and everything as it was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from vistaseg.models.vista3d import features
from vistaseg.segmentation import read_segmentation


@pytest.fixture
def interrupted(vistaseg, scan, results):
    """Run and expect code 130; what was there stays."""
    (results / "out.seg.nrrd").write_bytes(b"before")

    def run(*more: object) -> str:
        done = vistaseg("segment", scan, "-o", results / "out.seg.nrrd", "--model", "demo", *more)
        assert (done.code, done.stdout) == (130, "")
        assert [path.name for path in results.iterdir()] == ["out.seg.nrrd"]
        assert (results / "out.seg.nrrd").read_bytes() == b"before"
        assert "Aborted" not in done.stderr
        return done.stderr

    return run


def press(*_args: object, **_more: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.usefixtures("tiny_demo")
def test_in_the_middle_of_the_windows(interrupted, monkeypatch):
    genuine, calls = features.window_features, []

    def second_is_interrupted(*arguments):
        calls.append(1)
        return genuine(*arguments) if len(calls) < 2 else press()

    monkeypatch.setattr(features, "window_features", second_is_interrupted)
    assert interrupted().endswith("vistaseg: Interrupted: nothing was written.\n")
    assert len(calls) == 2


@pytest.mark.usefixtures("tiny_demo")
def test_while_the_file_is_written(interrupted, results, monkeypatch):
    monkeypatch.setattr("os.fsync", press)
    assert "nothing was written" in interrupted("--preview", results / "out.png")


@pytest.mark.usefixtures("tiny_demo")
def test_while_the_picture_is_drawn(interrupted, results, monkeypatch):
    monkeypatch.setattr("vistaseg.preview.preview_png", press)
    assert "nothing was written" in interrupted("--preview", results / "out.png")


@pytest.mark.usefixtures("tiny_demo")
@pytest.mark.parametrize("more", [(), ("--preview", "out.png")])
@pytest.mark.parametrize("moment", ["at once", "in the last words"])
def test_after_everything_was_written_it_is_not_called_nothing(vistaseg, scan, results, monkeypatch, more, moment):
    """A signal may come right after the step that counts: the new files are there, and it is said."""
    (results / "out.seg.nrrd").write_bytes(b"before")
    if moment == "at once":
        last = "unlink" if more else "replace"
        genuine = getattr(os, last) if last == "replace" else Path.unlink

        def interrupted(*arguments, **options):
            genuine(*arguments, **options)
            if more and arguments[0].suffix == ".undo" or not more and Path(arguments[1]).name == "out.seg.nrrd":
                press()

        monkeypatch.setattr(*((Path, "unlink") if more else (os, "replace")), interrupted)
    else:
        monkeypatch.setattr("vistaseg.cli.run._tell", press)
    more = [results / word if word.endswith(".png") else word for word in more]
    done = vistaseg("segment", scan, "-o", results / "out.seg.nrrd", "--model", "demo", *more)
    assert done.code == 130 and done.stderr.endswith("vistaseg: Interrupted after all was written.\n")
    assert read_segmentation(results / "out.seg.nrrd").segments
    assert len(os.listdir(results)) == 1 + bool(more)


def test_while_the_scan_is_read(interrupted, monkeypatch):
    monkeypatch.setattr("vistaseg.volume.read_volume", press)
    assert "nothing was written" in interrupted()


def test_while_the_options_are_read(vistaseg, monkeypatch):
    """The framework ended in silence, with the code alone."""
    monkeypatch.setattr("vistaseg.cli.main.TyperGroup.parse_args", press)
    done = vistaseg("classes")
    assert (done.code, done.stdout, done.stderr) == (130, "", "vistaseg: Interrupted.\n")


def test_any_other_command(vistaseg, monkeypatch):
    monkeypatch.setattr("vistaseg.catalog.groups", press)
    done = vistaseg("classes")
    assert (done.code, done.stdout) == (130, "")
    assert done.stderr == "vistaseg: Interrupted.\n"


SLOW = """
    import signal, sys, time
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job may ignore it
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN if "--nohup" in sys.argv else signal.SIG_DFL)
    from pathlib import Path
    from vistaseg.cli.main import main
    from vistaseg.models import files
    from vistaseg.models.vista3d import features

    def slow(*arguments):
        print("window", file=sys.stderr, flush=True)
        time.sleep(60)

    resources = Path(sys.argv[1])
    features.window_features = slow
    files.resource_path = lambda name: resources / name
    more = [argument for argument in sys.argv[2:] if argument != "--nohup"]
    sys.argv = ["vistaseg", "segment", *more, "--model", "demo"]
    main()
"""


posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no signal to a single process")


@pytest.fixture
def at_work(scan, demo_folder):
    """Start `vistaseg segment SCAN -o …` in a process of its own; goes on when it computes."""
    logic = Path(__file__).parents[3] / "Logic"
    code = f"import sys; sys.path.insert(0, {str(logic)!r})\n" + textwrap.dedent(SLOW)
    children = []

    def start(*options: object) -> subprocess.Popen:
        arguments = [str(demo_folder.parent), str(scan), *map(str, options)]
        child = subprocess.Popen([sys.executable, "-c", code, *arguments], stderr=subprocess.PIPE, text=True)
        children.append(child)
        said = []
        while "window\n" not in said:
            line = child.stderr.readline()
            assert line, "".join(said)
            said.append(line)
        return child

    yield start
    for child in children:
        child.kill()
        child.wait()
        child.stderr.close()


@posix
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_the_signal_itself(results, at_work, name):
    """Slurm and containers send TERM, a closed terminal HUP, all of them perhaps twice."""
    (results / "out.seg.nrrd").write_bytes(b"before")
    child = at_work("-o", results / "out.seg.nrrd", "--preview", results / "out.png")
    child.send_signal(getattr(signal, name))
    rest = child.stderr.read()
    assert child.wait(30) == 130
    assert rest == "vistaseg: Interrupted: nothing was written.\n"
    assert [path.name for path in results.iterdir()] == ["out.seg.nrrd"]
    assert (results / "out.seg.nrrd").read_bytes() == b"before"


@posix
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_that_comes_twice_does_not_stop_the_cleaning_up(results, at_work, name):
    child = at_work("-o", results / "out.seg.nrrd")
    for _ in range(2):
        child.send_signal(getattr(signal, name))
    assert child.wait(30) == 130
    assert list(results.iterdir()) == []


@posix
@pytest.mark.usefixtures("tiny_demo")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_folder_is_free_after_a_run_into_it_was_ended(results, at_work, vistaseg, scan, name):
    child = at_work("-o", results / "masks/")
    child.send_signal(getattr(signal, name))
    assert child.wait(30) == 130
    assert [path for path in results.rglob("*") if path.is_file()] == []
    done = vistaseg("segment", scan, "-o", results / "masks/", "--model", "demo", "--classes", "liver")
    assert done.code == 0, done.stderr
    assert not [name for name in os.listdir(results / "masks") if name.startswith(".")]


@posix
def test_what_nohup_starts_goes_on_when_the_terminal_closes(results, at_work):
    child = at_work("-o", results / "out.seg.nrrd", "--nohup")
    child.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(1)


@posix
@pytest.mark.usefixtures("tiny_demo")
def test_a_second_run_into_a_folder_is_refused_and_a_killed_one_does_not_keep_it(results, at_work, vistaseg, scan):
    child = at_work("-o", results / "masks/")
    arguments = ("segment", scan, "-o", results / "masks/", "--model", "demo", "--classes", "liver")
    done = vistaseg(*arguments)
    assert done.code == 2 and f"is in use by another run (process {child.pid} on " in done.stderr
    child.kill()
    child.wait()
    assert any(name.startswith(".vistaseg-") for name in os.listdir(results / "masks"))
    done = vistaseg(*arguments)
    assert done.code == 0, done.stderr
    assert not [name for name in os.listdir(results / "masks") if name.startswith(".vistaseg-")]
