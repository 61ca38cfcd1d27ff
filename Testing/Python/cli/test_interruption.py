"""Ctrl+C: exit code 130, one sentence, and everything as it was."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from vistaseg.models.vista3d import features


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


def test_while_the_scan_is_read(interrupted, monkeypatch):
    monkeypatch.setattr("vistaseg.volume.read_volume", press)
    assert "nothing was written" in interrupted()


def test_any_other_command(vistaseg, monkeypatch):
    monkeypatch.setattr("vistaseg.catalog.groups", press)
    done = vistaseg("classes")
    assert (done.code, done.stdout) == (130, "")
    assert done.stderr == "vistaseg: Interrupted.\n"


SLOW = """
    import signal, sys, time
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job may ignore it
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
    sys.argv = ["vistaseg", "segment", *sys.argv[2:], "--model", "demo"]
    main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to a single process")
def test_the_signal_itself(scan, results, demo_folder):
    (results / "out.seg.nrrd").write_bytes(b"before")
    arguments = [str(demo_folder.parent), str(scan), "-o", str(results / "out.seg.nrrd")]
    logic = Path(__file__).parents[3] / "Logic"
    code = f"import sys; sys.path.insert(0, {str(logic)!r})\n" + textwrap.dedent(SLOW)
    child = subprocess.Popen([sys.executable, "-c", code, *arguments], stderr=subprocess.PIPE, text=True)
    assert child.stderr is not None
    try:
        said = []
        while "window\n" not in said:
            line = child.stderr.readline()
            assert line, "".join(said)
            said.append(line)
        child.send_signal(signal.SIGINT)
        rest = child.stderr.read()
        assert child.wait(30) == 130
    finally:
        child.kill()
        child.wait()
    assert rest == "vistaseg: Interrupted: nothing was written.\n"
    assert [path.name for path in results.iterdir()] == ["out.seg.nrrd"]
    assert (results / "out.seg.nrrd").read_bytes() == b"before"
