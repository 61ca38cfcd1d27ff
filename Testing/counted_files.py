"""Binary files whose writes are told before they happen, in this process, to whatever writes them."""

from __future__ import annotations

import builtins
import io
import pathlib
from collections.abc import Callable
from typing import Any

_WRITING = set("wxa+")


def tell_writes(told: Callable[[str], None]) -> None:
    """From now on, call a function before each write to a binary file that was opened to write, with its name."""
    opened = io.open

    def opening(file: Any, mode: str = "r", *values: Any, **named: Any) -> Any:
        found = opened(file, mode, *values, **named)
        return CountedFile(found, told) if "b" in mode and set(mode) & _WRITING else found

    builtins.open = io.open = opening  # type: ignore[assignment]
    if hasattr(pathlib, "io"):
        pathlib.io.open = opening


class CountedFile:
    """A file whose writes are told."""

    def __init__(self, file: Any, told: Callable[[str], None]) -> None:
        self._file, self._told = file, told

    def write(self, content: Any) -> Any:
        self._told(str(self._file.name))
        return self._file.write(content)

    def __enter__(self) -> CountedFile:
        self._file.__enter__()
        return self

    def __exit__(self, *error: Any) -> Any:
        return self._file.__exit__(*error)

    def __iter__(self) -> Any:
        return iter(self._file)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)
