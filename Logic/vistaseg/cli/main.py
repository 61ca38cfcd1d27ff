"""`vistaseg`: the commands, and how errors become messages and exit codes."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from vistaseg import __version__
from vistaseg.cli import classes, demo, segment, weights
from vistaseg.errors import CancelledError, VistaSegError

app = typer.Typer(
    name="vistaseg",
    help="Segment CT scans with VISTA3D, offline.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("segment")(segment.segment_command)
app.command("classes")(classes.classes_command)
app.command("demo")(demo.demo_command)
app.add_typer(weights.app)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"vistaseg {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run a command; exit 0 done, 2 wrong use, 3 bad input, 4 no weights, 5 out of memory, 130 interrupted."""
    try:
        app(standalone_mode=True)
    except VistaSegError as error:
        typer.echo(f"vistaseg: {error}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        typer.echo("vistaseg: interrupted; nothing was written.", err=True)
        sys.exit(CancelledError.exit_code)


if __name__ == "__main__":
    main()
