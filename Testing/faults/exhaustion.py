"""No memory at each allocation, no room at each write, signals, and two processes, for each command that writes."""

from __future__ import annotations

import errno
import os
import random
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from counted_files import tell_writes
from kills import moments

from faults import commands, documents, results
from faults.judge import Case
from faults.worker import Outcome, attempt, made_by, put_files, start

_ALLOCATIONS = (
    "array", "ascontiguousarray", "concatenate", "copy", "empty", "empty_like", "frombuffer", "full", "ones", "stack",
    "unpackbits", "packbits", "where", "zeros", "zeros_like",
)  # fmt: skip
_TORCH = ("empty", "zeros", "full", "stack", "cat")
ROOM = f"{Path('vistaseg')}/"

_WRITERS: dict[str, tuple[tuple[str, ...], str]] = {
    "segment to .seg.nrrd": ((*commands._SEGMENT, *commands._CLASSES, "--preview", "p.png"), "o.seg.nrrd"),
    "segment to a label map": (
        ("segment", "ct.nii.gz", "-o", "o.nii.gz", "--model", "demo", *commands._CLASSES), "o.nii.gz",
    ),
    "segment to a folder": (("segment", "ct.nii.gz", "-o", "masks/", "--model", "demo", *commands._CLASSES), "masks"),
    "segment to DICOM-SEG": (("segment", "body", "-o", "o.dcm", "--model", "demo", *commands._CLASSES), "o.dcm"),
    "refine with a session": (
        ("refine", "ct.nii.gz", "-o", "o.seg.nrrd", "--model", "demo", "--class", "liver", "--point", "LIVER",
         "--save-session", "s.json"), "o.seg.nrrd",
    ),
    "dicom import": (("dicom", "import", "seg.dcm", "ct", "-o", "o.seg.nrrd"), "o.seg.nrrd"),
    "dicom export": (
        ("dicom", "export", "r.seg.nrrd", "ct", "-o", "o.dcm", "--report", "r.csv", "--sr", "sr.dcm"), "o.dcm",
    ),
    "cohort": (("cohort", "studies", "-o", "o", "--model", "demo", *commands._CLASSES), "o"),
    "evaluate": (
        ("evaluate", "ct.nii.gz", "--truth", "labels.nii.gz", "--model", "demo", "--clicks", "1", "--picture", "p.png"),
        "p.png",
    ),
    "weights import": (("weights", "import", "w.safetensors", "--key", "vista3d"), "home"),
    "doctor": (("doctor", "--model", "demo", "-o", "o.json"), "o.json"),
}  # fmt: skip


def exhaustion_cases(seed: int, few: bool = False) -> Iterator[Case]:
    """Of each writer, or of two that are drawn; and of the networks, whose windows are stitched."""
    made_by(_write)
    names = random.Random(seed).sample(list(_WRITERS), 2) if few else list(_WRITERS)
    writers = {name: _WRITERS[name] for name in names}
    yield from _memory_cases(writers)
    if not few:
        yield from _network_cases()
    yield from _disk_cases(writers)
    yield from _signal_cases(seed, writers, 1 if few else 4)
    yield from _two_at_once(writers)


_Writers = dict[str, tuple[tuple[str, ...], str]]


def _put(folder: Path) -> None:
    put_files(made_by(_write), folder)
    (folder / "empty").mkdir()


def _write(folder: Path) -> None:
    commands.put(folder)
    from dicom_series import write_series

    write_series(folder / "body", documents.phantom(), "body")
    (folder / "w.safetensors").write_bytes(documents.weights_contents()["w.safetensors"])


def _put_with_results(given: tuple[str, ...], folder: Path) -> None:
    """As `_put`, with results of an earlier run in the way."""
    _put(folder)
    for name, content in _earlier(given).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def _put_alone(given: tuple[str, ...], folder: Path) -> None:
    _put(folder)


def _repeats(given: tuple[str, ...]) -> bool:
    """A cohort does not do again what is done."""
    return given[0] != "cohort"


@lru_cache
def _earlier(given: tuple[str, ...]) -> dict[str, bytes]:
    return {n: c for n, c in _after(given).items() if n not in _inputs()}


@lru_cache
def _inputs() -> frozenset[str]:
    return frozenset(made_by(_write))


@lru_cache
def _after(given: tuple[str, ...]) -> dict[str, bytes]:
    """All files after a run that ends well."""

    def make() -> dict[str, bytes]:
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            _put(Path(folder))
            _run(given, Path(folder))
            return _contents(Path(folder))

    outcome = attempt(make)
    assert outcome.result is not None, outcome.stderr
    return outcome.result


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def _run(given: tuple[str, ...], folder: Path) -> None:
    os.chdir(folder)
    os.environ["VISTASEG_HOME"] = str(folder / "home")
    documents.small_layout()
    liver = documents._points("liver")[1]
    documents.run_command(*(liver if word == "LIVER" else word for word in given))


# Memory


def _memory_cases(writers: _Writers) -> Iterator[Case]:
    for writer, (given, _) in writers.items():
        for site in _sites(given, "numpy"):
            yield _exhausted("no memory", f"{writer}: {site}", given, partial(_without_memory, "numpy", site))


def _network_cases() -> Iterator[Case]:
    """With the small bundled network: its windows, their stitching, and the way back to the scan."""
    given = (*commands._SEGMENT, "--classes", "liver, spleen", "--roi", "ijk:2,2,2:12,12,11")
    for library in ("numpy", "torch"):
        for site in _sites(given, library, _run_network):
            change = partial(_without_memory, library, site)
            yield _exhausted("no memory", f"network: {library}, {site}", given, change, _run_network)


def _run_network(given: tuple[str, ...], folder: Path) -> None:
    os.chdir(folder)
    from vistaseg.cli.main import main

    sys.argv = ["vistaseg", *given]
    try:
        main()
    except SystemExit as stop:
        if stop.code:
            raise


_Runner = Callable[[tuple[str, ...], Path], None]


@lru_cache
def _sites(given: tuple[str, ...], library: str, run: _Runner = _run) -> list[str]:
    """Lines of the engine that allocate arrays during a command, as file:line."""

    def trace() -> list[str]:
        import tempfile

        sites: dict[str, None] = {}
        _patch(library, lambda site: sites.setdefault(site))
        with tempfile.TemporaryDirectory() as folder:
            _put(Path(folder))
            sites.clear()
            run(given, Path(folder))
            os.chdir("/")
        return list(sites)

    outcome = attempt(trace)
    assert outcome.result is not None, outcome.stderr
    return outcome.result


def _patch(library: str, called: Callable[[str], object]) -> None:
    module = sys.modules[library]
    for name in _ALLOCATIONS if library == "numpy" else _TORCH:
        original = getattr(module, name)

        def allocating(*values: Any, _original: Any = original, **named: Any) -> Any:
            frame = sys._getframe(1)
            file = frame.f_code.co_filename
            if "/Logic/vistaseg/" in file:
                called(f"{file.split('/Logic/vistaseg/')[1]}:{frame.f_lineno}")
            return _original(*values, **named)

        setattr(module, name, allocating)


def _without_memory(library: str, site: str) -> None:
    def fail(at: str) -> None:
        if at == site:
            if library == "numpy":
                raise MemoryError("Unable to allocate 4.00 GiB for an array with shape (1024, 1024, 1024)")
            raise RuntimeError("[enforce fail at alloc_cpu.cpp:119] DefaultCPUAllocator: can't allocate memory")

    _patch(library, fail)


def _exhausted(reader: str, what: str, given: tuple[str, ...], change: Callable[[], None], run: _Runner = _run) -> Case:
    def exhausted(folder: Path) -> None:
        change()
        run(given, folder)

    repeats = run is _run and _repeats(given)
    codes = frozenset((0, 5) if reader == "no memory" else (0, 2, 4))
    if given[0] == "cohort":  # goes on after a study that fails
        codes |= {3}
    return Case(
        reader,
        what,
        partial(_put_with_results, given) if repeats else _put,
        exhausted,
        partial(_done_well, given) if run is _run else lambda folder, outcome: _litter(folder),
        ("memory", "room", "space"),
        codes,
        partial(_kept_well, given) if repeats else _litter,
        reader == "no memory",
    )


def _done_well(given: tuple[str, ...], folder: Path, outcome: Outcome | None) -> str:
    """What a command wrote that says that it is done is what it always writes."""
    found, alone = attempt(partial(_meaning, folder)).result, _meaning_alone(given)
    return _litter(folder) if found == alone else f"done, and wrote something else: {_difference(found, alone)}"


def _kept_well(given: tuple[str, ...], folder: Path) -> str:
    """The results of the earlier run are all there, and nothing half-written is."""
    changed = [n for n, c in _earlier(given).items() if not (folder / n).exists() or (folder / n).read_bytes() != c]
    # A record of weights notes the time of its file, which the copies for this case do not have.
    changed = [name for name in changed if not name.endswith("record.json")]
    return f"the earlier results are not as they were: {changed}" if changed else _litter(folder)


def _litter(folder: Path) -> str:
    left = [str(p.relative_to(folder)) for p in folder.rglob("*") if p.name.startswith((".vistaseg", ".incoming"))]
    return f"left behind: {left}" if left else ""


# Disk


def _disk_cases(writers: _Writers) -> Iterator[Case]:
    for writer, (given, _) in writers.items():
        for size in (0, 1, 100, 1000, 5000, 20000):
            yield _exhausted("no room", f"{writer}: files of {size} bytes at most", given, partial(_small_files, size))
        for number in _writes(given):
            yield _exhausted("no room", f"{writer}: write {number}", given, partial(_patch_files, number))


def _small_files(size: int) -> None:
    """The system itself refuses longer files, also to libraries in C."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def _patch_files(fail_at: int | None) -> list[str]:
    """Count writes, flushes, folders and renamings; the one of this number finds no room."""
    counted: list[str] = []

    def count(what: str) -> None:
        counted.append(what)
        if fail_at is not None and len(counted) == fail_at + 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for name in ("fsync", "replace", "mkdir", "rename"):
        original = getattr(os, name)

        def calling(*values: Any, _original: Any = original, _name: str = name, **named: Any) -> Any:
            count(f"{_name} {values[:1]}")
            return _original(*values, **named)

        setattr(os, name, calling)
    tell_writes(lambda name: count(f"write {name}"))
    return counted


@lru_cache
def _writes(given: tuple[str, ...]) -> list[int]:
    """Numbers of the writes to fail one by one."""

    def trace() -> list[str]:
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            (_put_with_results if _repeats(given) else _put_alone)(given, Path(folder))
            counted = _patch_files(None)
            _run(given, Path(folder))
            os.chdir("/")
            return list(counted)

    _earlier(given)
    outcome = attempt(trace)
    assert outcome.result is not None, outcome.stderr
    return moments(outcome.result)


# Signals


def _signal_cases(seed: int, writers: _Writers, each: int) -> Iterator[Case]:
    """At moments that the seed draws, of which some come when all is done."""
    draw = random.Random(seed)
    for writer, (given, _) in writers.items():
        for name in ("SIGTERM", "SIGHUP", "SIGINT"):
            for _ in range(each):
                part = draw.uniform(0, 1.1)
                yield Case(
                    "signals",
                    f"{writer}: {name} after {part:.0%} of its time",
                    partial(_put_with_results if _repeats(given) else _put_alone, given),
                    partial(_signalled, given, getattr(signal, name), part * _seconds(given)),
                    partial(_done_well, given),
                    ("interrupted",),
                    frozenset((0, 130)),
                    partial(_kept_or_done, given),
                )


@lru_cache
def _seconds(given: tuple[str, ...]) -> float:
    """Of a run that nothing disturbs."""

    def run() -> float:
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            _put(Path(folder))
            begun = time.monotonic()
            _run(given, Path(folder))
            os.chdir("/")
            return time.monotonic() - begun

    outcome = attempt(run)
    assert outcome.result is not None, outcome.stderr
    return outcome.result


def _signalled(given: tuple[str, ...], number: signal.Signals, seconds: float, folder: Path) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    timer = threading.Timer(seconds, partial(_send_while_handled, number))
    timer.daemon = True
    timer.start()
    _run(given, folder)


def _send_while_handled(number: signal.Signals) -> None:
    """To this process, not before the command has begun nor after it has ended."""
    end = time.monotonic() + 1
    while signal.getsignal(signal.SIGTERM) == signal.SIG_DFL and time.monotonic() < end:
        time.sleep(0.001)
    if signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        os.kill(os.getpid(), number)


def _kept_or_done(given: tuple[str, ...], folder: Path) -> str:
    """An interruption leaves what was there, or comes when all is written; of a cohort each study so."""
    if not _repeats(given):
        return _litter(folder)
    kept = _kept_well(given, folder)
    return kept and _done_well(given, folder, None)


# Two processes


def _two_at_once(writers: _Writers) -> Iterator[Case]:
    for writer, (given, output) in writers.items():
        for turn in range(3):
            yield Case(
                "two processes on one output",
                f"{writer}, {turn + 1}",
                _put,
                partial(_both, given),
                partial(_as_alone, given, output),
                (),
            )


def _both(given: tuple[str, ...], folder: Path) -> list[Outcome]:
    running = [start(partial(_run, given, folder)) for _ in range(2)]
    return [one.wait() for one in running]


def _as_alone(given: tuple[str, ...], output: str, folder: Path, outcome: Outcome) -> str:
    for one in outcome.result:
        if one.code not in (0, 2, 4) or "Traceback" in one.stderr:
            return f"one ended with {one.code}: {one.stderr[-300:]}"
    if all(one.code for one in outcome.result):
        return f"neither was done: {outcome.result[0].stderr[-200:]}"
    found = attempt(partial(_meaning, folder)).result
    alone = _meaning_alone(given)
    if found != alone:
        return f"not what one of them alone writes: {_difference(found, alone)}"
    return _litter(folder)


def _difference(found: Any, alone: Any) -> str:
    if found is None:
        return "it cannot be read"
    return str([name for name in {*found, *alone} if found.get(name) != alone.get(name)])


@lru_cache
def _meaning_alone(given: tuple[str, ...]) -> Any:
    def make() -> Any:
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            _put(Path(folder))
            _run(given, Path(folder))
            os.chdir("/")
            return _meaning(Path(folder))

    return attempt(make).result


def _meaning(folder: Path) -> dict[str, Any]:
    """What the files of a folder hold, but for times and UIDs."""
    import csv

    from vistaseg.dicom import read_seg
    from vistaseg.segmentation import read_segmentation

    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if name in _inputs() or name.startswith("home/"):
            continue
        if name.endswith((".seg.nrrd", "o.nii.gz")) or path.name == "masks":
            found[name] = results.places_of(read_segmentation(path))["voxels"]
        elif path.name == "o.dcm":
            found[name] = results.places_of(read_seg(path))["voxels"]
        elif path.suffix == ".csv" and path.name == "report.csv":
            rows = list(csv.DictReader(path.read_text("utf-8").splitlines()))
            found[name] = sorted((row["folder"], row["status"], row["segments"]) for row in rows)
        elif path.is_file():
            found[name] = path.stat().st_size > 0
    if (folder / "home").exists():
        from vistaseg.weights import find_entry, verify

        os.environ["VISTASEG_HOME"] = str(folder / "home")
        found["home"] = verify(find_entry("vista3d")).state.value
    return found
