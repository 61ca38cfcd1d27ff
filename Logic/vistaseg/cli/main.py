"""`vistaseg`: the commands, and how errors become messages and exit codes."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from vistaseg import __version__
from vistaseg.cli import (
    classes,
    cohort,
    demo,
    dicom,
    dicom_seg,
    dicom_send,
    doctor,
    evaluate,
    identify,
    info,
    refine,
    segment,
    weights,
)
from vistaseg.cli.console import echo, fit_streams
from vistaseg.errors import CancelledError, MemoryLimitError, VistaSegError
from vistaseg.escaping import printable

_WRONG_USE: Any = typer.BadParameter.__base__
"""Of the framework, which has its own copy of click or uses the one that is installed, as its version may be."""


class _Commands(TyperGroup):
    """Commands whose Ctrl+C is told by `main`: the framework ends in silence, or with a code of its own."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command of a context."""
        try:
            return super().invoke(ctx)
        except _WRONG_USE as error:
            error.message = printable(error.message)
            raise
        except KeyboardInterrupt as error:
            raise CancelledError("Interrupted.") from error


app = typer.Typer(
    name="vistaseg",
    cls=_Commands,
    help="Segment CT scans with VISTA3D and SegVol, offline.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("segment")(segment.segment_command)
app.command("cohort")(cohort.cohort_command)
app.command("info")(info.info_command)
app.command("classes")(classes.classes_command)
app.command("demo")(demo.demo_command)
app.command("refine")(refine.refine_command)
app.command("identify")(identify.identify_command)
app.command("evaluate")(evaluate.evaluate_command)
app.command("doctor")(doctor.doctor_command)
dicom.app.command("export")(dicom_seg.export_command)
dicom.app.command("import")(dicom_seg.import_command)
dicom.app.command("check")(dicom_seg.check_command)
dicom.app.command("send")(dicom_send.send_command)
app.add_typer(dicom.app)
app.add_typer(weights.app)


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
            signal.signal(number, signal.SIG_DFL)


def _fail(error: VistaSegError) -> NoReturn:
    with contextlib.suppress(OSError):  # the terminal may be closed
        echo(f"vistaseg: {error}", err=True)
    sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
