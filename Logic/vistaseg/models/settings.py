"""Settings of a model in a JSON file beside its weights, checked against the kinds of their defaults."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from vistaseg.bounded_json import read_json_file

Settings = TypeVar("Settings")


def read_settings(kind: type[Settings], path: Path, any_length: Collection[str] = ()) -> Settings:
    """Read a dataclass of settings from a JSON file; keys that are absent keep their defaults.

    Args:
        kind: a dataclass with a default for every field.
        any_length: fields that are tuples of as many items as one likes, but at least one.

    Raises:
        OSError: the file cannot be read.
        ValueError: it cannot be JSON of settings, or a value is of another type than the default.
    """
    values = read_json_file(path)
    if not isinstance(values, dict):
        raise ValueError(f"{path} holds no settings by name")
    defaults = {field.name: field.default for field in fields(kind)}  # type: ignore[arg-type]
    given = {key: _frozen(values[key]) for key in defaults if key in values}
    return kind(**{key: _checked(key, value, defaults[key], key in any_length) for key, value in given.items()})


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _checked(key: str, value: Any, default: Any, any_length: bool) -> Any:
    """The value, if it is of the kind of the default; where that is None, None is as good as whole numbers."""
    kind = (1,) if default is None else default
    if not (default is value is None or _fits(value, kind, any_length)):
        raise ValueError(f"{key} cannot be {value!r}")
    return value


def _fits(value: Any, default: Any, any_length: bool = False) -> bool:
    if isinstance(default, tuple):
        right_length = isinstance(value, tuple) and (len(value) == len(default) or (any_length and bool(value)))
        return right_length and all(_fits(item, default[0]) for item in value)
    if isinstance(default, str):
        return isinstance(value, str)
    if isinstance(default, bool):
        return isinstance(value, bool)
    kinds = (int,) if isinstance(default, int) else (int, float)
    return isinstance(value, kinds) and not isinstance(value, bool)
