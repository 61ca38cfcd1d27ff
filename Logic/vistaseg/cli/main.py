"""`vistaseg`: the commands, and how errors become messages and exit codes."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator
from importlib import import_module
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from vistaseg import __version__
from vistaseg.cli.console import echo, fit_streams
from vistaseg.errors import CancelledError, MemoryLimitError, VistaSegError
from vistaseg.escaping import printable

_WRONG_USE: Any = typer.BadParameter.__base__
"""Of the framework, which has its own copy of click or uses the one that is installed, as its version may be."""

PLAIN: Any = None
"""Markup of help and usage errors: without it they need no rich, which takes longer to import than all else."""

COMMANDS = {
    "segment": ("segment_command", "Segment structures of a CT automatically, or by names and a box."),
    "cohort": ("cohort_command", "Segment the largest CT of each study; go on after one that fails."),
    "info": ("info_command", "Show format, grid, position and doubtful header values of a scan."),
    "classes": ("classes_command", "List the structures that can be segmented, by group, with the presets."),
    "demo": ("demo_command", "Segment a CT with the small bundled model, to try the software."),
    "refine": ("refine_command", "Segment one structure by texts, boxes and clicks, or correct a mask."),
    "identify": ("identify_command", "Rank the names that fit a click, a box or a segment of a file."),
    "evaluate": ("evaluate_command", "Measure a model on labelled CTs, automatically and with simulated clicks."),
    "doctor": ("doctor_command", "Check software, device, memory and weights."),
    "dicom": ("app", "DICOM: list series; export, import and check segmentations; send to a PACS."),
    "weights": ("app", "Model weights: list, fetch, import, verify and remove."),
}
"""Each command: its function or group in the file of its name, and what it does. Only the one that runs is imported."""


class _Commands(TyperGroup):
    """The commands, whose Ctrl+C is reported by `main`: the framework ends in silence, or with a code of its own."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of a name, or None; then all are there, for the framework to suggest one of them."""
        for name in (cmd_name,) if cmd_name in COMMANDS else COMMANDS:
            if name not in self.commands:
                self.commands[name] = _load(name)
        return self.commands.get(cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """Read the options before the command."""
        with _interruption_raised():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        """Run the command of a context."""
        with _interruption_raised():
            try:
                return super().invoke(ctx)
            except _WRONG_USE as error:
                error.message = printable(error.message)
                raise


@contextlib.contextmanager
def _interruption_raised() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt as error:
        raise CancelledError("Interrupted.") from error


def _load(name: str) -> Any:
    found = getattr(import_module(f"vistaseg.cli.{name}"), COMMANDS[name][0])
    if not isinstance(found, typer.Typer):
        alone = typer.Typer(add_completion=False, rich_markup_mode=PLAIN)
        alone.command(name)(found)
        found = alone
    return typer.main.get_command(found)


app = typer.Typer(
    name="vistaseg",
    cls=_Commands,
    help="Segment CT scans with VISTA3D and SegVol, offline.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=PLAIN,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        echo(f"vistaseg {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run a command; exit 0 done, 2 wrong use, 3 bad input, 4 no weights, 5 out of memory, 6 PACS, 130 interrupted."""
    fit_streams()
    try:
        with _ended_like_interrupted():
            app(prog_name="vistaseg")
    except VistaSegError as error:
        _fail(error)
    except MemoryError:
        _fail(MemoryLimitError("Memory ran out. Close other programs, or crop the scan first."))
    except KeyboardInterrupt:
        _fail(CancelledError("Interrupted."))
    except SystemExit as stop:
        if stop.code == CancelledError.exit_code:  # of the framework, which ends in silence
            _fail(CancelledError("Interrupted."))
        raise


@contextlib.contextmanager
def _ended_like_interrupted() -> Iterator[None]:
    """What ends a batch job, a container or a closed terminal cleans up as Ctrl+C does; `nohup` stays what it is."""
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)]
    handled = [number for number in numbers if signal.getsignal(number) == signal.SIG_DFL]

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for number in handled:
            signal.signal(number, signal.SIG_IGN)  # a second one must not end the cleaning up
        raise KeyboardInterrupt

    for number in handled:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in handled:
            if signal.getsignal(number) is interrupt:  # else one has come: the program ends with its own exit code
                signal.signal(number, signal.SIG_DFL)


def _fail(error: VistaSegError) -> NoReturn:
    with contextlib.suppress(OSError):  # the terminal may be closed
        echo(f"vistaseg: {error}", err=True)
    sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
