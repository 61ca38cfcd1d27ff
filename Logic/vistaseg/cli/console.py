"""What the commands print: text that does no harm to a terminal and fits into a pipe of any encoding."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, TextIO, cast

from vistaseg.escaping import printable

if TYPE_CHECKING:
    from rich.console import Console

_ALL_COLUMNS = 100_000


def fit_streams() -> None:
    """Let no character that a pipe's encoding lacks end the program: it is written as `\\u2026`."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def echo(*lines: str, err: bool = False) -> None:
    """Print lines, in which control characters are escaped, line ends included.

    Args:
        err: on standard error.
    """
    stream = sys.stderr if err else sys.stdout
    stream.write("\n".join(printable(line) for line in lines) + "\n")
    stream.flush()


def warn(text: str) -> None:
    """Tell a doubt on standard error."""
    echo(f"Warning: {text}", err=True)


def echo_json(values: Any) -> None:
    """Print values as JSON, in which whatever is not ASCII is escaped."""
    echo(*json.dumps(values, indent=1).split("\n"))


def table_console() -> Console:
    """A console for tables, whose texts are escaped; of a terminal's width, and as wide as needed elsewhere."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else _ALL_COLUMNS
    return Console(file=cast(TextIO, _Escaping(sys.stdout)), color_system=None, width=width)


class _Escaping:
    """A stream that escapes all but line ends on their way to another."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @property
    def encoding(self) -> str:
        """Of the other stream: where it has no lines to draw a table with, others are taken."""
        return self._stream.encoding

    def isatty(self) -> bool:
        """No: control sequences would be escaped."""
        return False

    def write(self, text: str) -> int:
        """Write a text, escaped."""
        return self._stream.write("\n".join(printable(line) for line in text.split("\n")))

    def flush(self) -> None:
        """Flush the other stream."""
        self._stream.flush()
