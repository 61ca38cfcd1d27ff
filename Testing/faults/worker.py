"""Runs each case in a process of its own, forked from one that has imported everything, under limits."""

from __future__ import annotations

import os
import pickle
import resource
import select
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

SECONDS = 60
BYTES = 4 * 2**30


@dataclass(frozen=True)
class Outcome:
    """What became of a process.

    Attributes:
        code: its exit code; None where a signal ended it.
        signal: that ended it, or 0.
        timed_out: whether it was ended after `SECONDS`.
        peak: bytes of memory that it took beyond those of the process it was forked from.
        result: what the function returned; None where it did not.
    """

    code: int | None
    signal: int
    timed_out: bool
    seconds: float
    peak: int
    stdout: str
    stderr: str
    result: Any = None


def prepare() -> None:
    """Import what commands import late, so that each fork has it. Nothing here may start a thread."""
    os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", COLUMNS="300", TERMINAL_WIDTH="300")
    os.environ["ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"] = "1"
    import torch

    torch.set_num_threads(1)
    import highdicom  # noqa: F401
    import matplotlib.figure  # noqa: F401
    import monai.networks.nets  # noqa: F401
    import nibabel  # noqa: F401
    import nrrd  # noqa: F401
    import PIL.Image  # noqa: F401
    import rich.table  # noqa: F401
    import scipy.ndimage  # noqa: F401
    import SimpleITK  # noqa: F401

    import vistaseg.cli.main
    import vistaseg.dicom
    import vistaseg.dicom.seg_reader
    import vistaseg.doctor
    import vistaseg.evaluate
    import vistaseg.models.registry
    import vistaseg.preview
    import vistaseg.segmentation
    import vistaseg.segmentation.label_files
    import vistaseg.segmentation.seg_nrrd_reader
    import vistaseg.session
    import vistaseg.volume.itk_files
    import vistaseg.volume.nifti
    import vistaseg.weights  # noqa: F401


def start(function: Callable[[], Any], memory: int = BYTES) -> Running:
    """Begin a function in a fork; `wait` for it.

    Args:
        memory: bytes of address space that it may take beyond what there is now.
    """
    pipes = [os.pipe() for _ in range(3)]  # no files, for the size of these may be limited
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        for reading, _ in pipes:
            os.close(reading)
        _child(function, *(writing for _, writing in pipes), memory)
    for _, writing in pipes:
        os.close(writing)
    return Running(pid, tuple(reading for reading, _ in pipes), time.monotonic())


@dataclass(frozen=True)
class Running:
    """A process.

    Attributes:
        pipes: what it writes to standard output and error, and its result.
    """

    pid: int
    pipes: tuple[int, ...]
    begun: float

    def wait(self, seconds: float = SECONDS) -> Outcome:
        """Its outcome; after `seconds` it is killed."""
        pieces: dict[int, list[bytes]] = {pipe: [] for pipe in self.pipes}
        left, timed_out = set(self.pipes), False
        while left and not timed_out:
            remaining = self.begun + seconds - time.monotonic()
            ready = select.select(list(left), [], [], max(remaining, 0))[0]
            for pipe in ready:
                piece = os.read(pipe, 2**20)
                pieces[pipe].append(piece)
                if not piece:
                    left.discard(pipe)
            timed_out = not ready
        if timed_out:
            os.kill(self.pid, signal.SIGKILL)
        for pipe in self.pipes:
            os.close(pipe)
        _, status, usage = os.wait4(self.pid, 0)
        out, err, result = (b"".join(pieces[pipe]) for pipe in self.pipes)
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return Outcome(
            os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
            os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
            timed_out,
            time.monotonic() - self.begun,
            max(0, (usage.ru_maxrss - own) * 1024),
            out.decode("utf-8", "backslashreplace"),
            err.decode("utf-8", "backslashreplace"),
            pickle.loads(result) if result and not timed_out else None,
        )


def attempt(function: Callable[[], Any], memory: int = BYTES, seconds: float = SECONDS) -> Outcome:
    """The outcome of a function in a fork."""
    return start(function, memory).wait(seconds)


def _child(function: Callable[[], Any], out: int, err: int, pipe: int, memory: int) -> None:
    code = 70
    try:
        os.dup2(out, 1)
        os.dup2(err, 2)
        os.close(out)
        os.close(err)
        sys.stdout = open(1, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
        pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[0])
        limit = pages * resource.getpagesize() + memory
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
        result = function()
        code = 0
        with os.fdopen(pipe, "wb", closefd=False) as stream:
            pickle.dump(result, stream)
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os.close(pipe)
        os._exit(code)


@lru_cache
def made_by(make: Callable[[Path], None]) -> dict[str, bytes]:
    """The files that a function puts into an empty folder, by name."""
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder))
        return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(Path(folder).rglob("*")) if p.is_file()}


def put_files(files: dict[str, bytes], folder: Path) -> None:
    """Write files with their folders."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def command(*arguments: object) -> None:
    """Run `vistaseg ...`, which ends the process."""
    from vistaseg.cli.main import main

    sys.argv = ["vistaseg", *map(str, arguments)]
    main()
    sys.exit(0)
